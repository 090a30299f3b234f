// Package filedrop delivers into folders: one per role, one file per delivery, for a
// national system that reads files, or for none at all.
//
//	DIR/child-protection/0193a5c1-....json
//
// A file appears whole or not at all, under its final name, and stays until the national
// system takes it away. The folder is as confidential as the case system: it holds what
// each role may see, in the clear, readable by the adapter's user alone.
package filedrop

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
)

// Drop is a transport into folders below Dir, which exists. Safe for concurrent use, also
// by several processes.
type Drop struct {
	Dir string
	// Taken is a folder of names that the national system keeps: a delivery that it moved
	// to Taken/<role>/<delivery>.json is not written again. Without it, a file that was
	// taken away comes back if the adapter crashed before it knew that it had written it.
	Taken string
}

var _ adapters.Transport = Drop{}

// The two forms that become parts of a path. Both come from signed data; neither is
// believed to be harmless.
var (
	deliveryForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	roleForm     = regexp.MustCompile(`^[a-z]+(-[a-z]+)*(\.[1-9][0-9]?)?$`)
)

// Deliver writes the consignment's file: written beside its place, flushed, renamed, and
// the folder flushed, so that once it returns a power failure loses nothing. A file that
// is there already is the same consignment.
func (d Drop) Deliver(ctx context.Context, c adapters.Consignment) error {
	role := c.Reader.Role()
	if !deliveryForm.MatchString(c.Delivery) || !roleForm.MatchString(role) {
		return gateway.Permanent(gateway.Refuse(gateway.CodeDestinationRefused, "", ""))
	}
	if err := ctx.Err(); err != nil {
		return adapters.Unsent(err)
	}
	name := c.Delivery + ".json"
	if d.Taken != "" {
		if ok, err := exists(filepath.Join(d.Taken, role, name)); ok || err != nil {
			return err
		}
	}
	dir := filepath.Join(d.Dir, role)
	if err := os.Mkdir(dir, 0o700); err == nil {
		if err := flush(d.Dir); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return adapters.Unsent(reason("making the role's folder", err))
	}
	if ok, err := exists(filepath.Join(dir, name)); err != nil {
		return err
	} else if ok {
		return flush(dir) // the one who wrote it may have died before this
	}
	body, err := c.Page()
	if err != nil {
		return err
	}
	return place(ctx, dir, name, body)
}

// place writes a file that appears whole.
func place(ctx context.Context, dir, name string, body []byte) (err error) {
	f, err := os.CreateTemp(dir, ".*.part") // 0600
	if err != nil {
		return adapters.Unsent(reason("making a file", err))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, reason("removing a file", remove(f.Name())))
		}
	}()
	_, err = f.Write(body)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return adapters.Unsent(reason("writing a file", err))
	}
	if err := ctx.Err(); err != nil {
		return adapters.Unsent(err)
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return reason("naming a file", err)
	}
	return flush(dir)
}

// Sweep removes the unfinished files of attempts that were cut short. Call it before the
// first delivery, not beside one.
func (d Drop) Sweep() error {
	left, err := filepath.Glob(filepath.Join(d.Dir, "*", ".*.part"))
	if err != nil {
		return reason("sweeping the drop folder", err)
	}
	for _, p := range left {
		if err := remove(p); err != nil {
			return reason("sweeping the drop folder", err)
		}
	}
	return nil
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	}
	return false, reason("looking for a file", err)
}

// reason drops paths from an error: the operator knows the folder, and a file name is an
// id that does not belong in every log.
func reason(doing string, err error) error {
	if err == nil {
		return nil
	}
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		err = p.Err
	case errors.As(err, &l):
		err = l.Err
	}
	return fmt.Errorf("%s: %w", doing, err)
}
