package adapterrun

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How releases of the code lists come.
const (
	codesFollow = "follow"
	codesByHand = "hand"
)

// loadCodes takes the releases in the adapter's own folder. One that is refused must be
// seen to; the others count.
func (a *Adapter) loadCodes() {
	if err := a.codes.Load(); err != nil {
		a.log.Error("refused code lists", "country", string(a.config.Country), "err", err)
	}
}

// takeCodes takes what the gateway has and this adapter has not, unless somebody here
// looks at it first. It proves itself: who carries it does not matter.
func (a *Adapter) takeCodes(ctx context.Context) error {
	a.loadCodes()
	if a.config.Codes == codesByHand {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	names, err := a.client.Releases(ctx, a.office())
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if a.codes.Has(name) {
			continue
		}
		raw, manifest, err := a.client.Release(ctx, a.office(), name)
		if err == nil {
			name, err = a.codes.Add(raw, manifest)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("taking a release of the code lists: %w", err))
			continue
		}
		a.log.Info("took code lists", "country", string(a.config.Country), "release", name)
	}
	return errors.Join(errs...)
}
