package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/trm/gateway"
)

// Ledger is what the door shows of the log; in production it is package ledger's over the
// journal. What is not there, or lies beyond what is published, is "not-found". Safe for
// concurrent use.
type Ledger interface {
	// Checkpoint is the newest signed checkpoint of an origin; of the running one where the
	// origin is empty.
	Checkpoint(ctx context.Context, origin string) ([]byte, error)
	// Daily is the last checkpoint that was witnessed before the day of now began.
	Daily(ctx context.Context, now time.Time) ([]byte, error)
	// Tile is what C2SP tlog-tiles names so after "tile/".
	Tile(ctx context.Context, origin, name string) ([]byte, error)
	// Proofs are the entries about a message, in the order of recording.
	Proofs(ctx context.Context, id gateway.MessageID) ([]Proven, error)
}

// Proven is an entry, with its proof once witnesses have cosigned a checkpoint that covers
// it.
type Proven struct {
	gateway.LogEntry
	Proof []byte // C2SP tlog-proof; nil while it is pending
}

const (
	typeText  = "text/plain; charset=utf-8"
	typeBytes = "application/octet-stream"
)

// checkpoint is GET /v1/log/checkpoint, and .../{region}/{year}/checkpoint for one origin.
func (d *door) checkpoint(c echo.Context, _ gateway.Party) error {
	return d.part(c, typeText, func(ctx context.Context) ([]byte, error) { return d.Ledger.Checkpoint(ctx, originOf(c)) })
}

// daily is GET /v1/log/checkpoint/daily: the same for everybody all day, so that it tells
// nobody when something happened.
func (d *door) daily(c echo.Context, _ gateway.Party) error {
	return d.part(c, typeText, func(ctx context.Context) ([]byte, error) { return d.Ledger.Daily(ctx, d.Now()) })
}

// tile is GET /v1/log/{region}/{year}/tile/*: tiles of hashes, and for auditors entries.
func (d *door) tile(c echo.Context, caller gateway.Party) error {
	name := param(c, "*")
	if strings.HasPrefix(name, "entries/") && !auditors.admits(caller) {
		return gateway.Refuse(gateway.CodeForbidden, "", "")
	}
	return d.part(c, typeBytes, func(ctx context.Context) ([]byte, error) { return d.Ledger.Tile(ctx, originOf(c), name) })
}

// part answers with a part of the log.
func (d *door) part(c echo.Context, kind string, read func(context.Context) ([]byte, error)) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), d.limits.Accept)
	defer cancel()
	body, err := read(ctx)
	if err != nil {
		return err
	}
	return d.write(c, http.StatusOK, kind, body)
}

func originOf(c echo.Context) string {
	if param(c, "region") == "" {
		return ""
	}
	return param(c, "region") + "/" + param(c, "year")
}

// proven is an entry as a correspondent sees it.
type proven struct {
	Event     gateway.Event `json:"event"`
	State     string        `json:"state"`             // waiting, pending, proven
	Origin    string        `json:"origin,omitempty"`  // of the log it stands in
	Index     *int64        `json:"index,omitempty"`   // in that log, from 0
	Entry     string        `json:"entry,omitempty"`   // its bytes there
	Opening   string        `json:"opening,omitempty"` // exactly the bytes that it commits to
	Nonce     string        `json:"nonce,omitempty"`   // 32 bytes, base64url
	Concealed *secret       `json:"concealed,omitempty"`
	Proof     string        `json:"proof,omitempty"` // C2SP tlog-proof
}

// secret is what an acceptance commits to apart.
type secret struct {
	Nonce   string `json:"nonce"`
	Opening string `json:"opening"`
}

// proofs is GET /v1/messages/{cc}/{role}/{jti}/proofs: the entries about a message, for its
// two correspondents. What was concealed goes to the sender alone; of a refused message the
// recipient knows nothing.
func (d *door) proofs(c echo.Context, caller gateway.Party) error {
	missing := gateway.Refuse(gateway.CodeNotFound, "", "")
	iss, err := gateway.ParseParty(param(c, "cc") + "/" + param(c, "role"))
	if err != nil || !uuidForm.MatchString(param(c, "jti")) {
		return missing
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), d.limits.Accept)
	defer cancel()
	id := gateway.MessageID{Issuer: iss, ID: param(c, "jti")}
	s, ok, err := d.Messages.Status(ctx, id)
	if err != nil {
		return gateway.Unavailable(gateway.CodeBusy, 5*time.Second, fmt.Errorf("reading status: %w", err))
	}
	sender := ok && caller == s.Message.Issuer
	if !sender && !(ok && caller == s.Audience && s.Refused == nil) {
		return missing
	}
	list, err := d.Ledger.Proofs(ctx, id)
	if err != nil {
		return err
	}
	out := make([]proven, len(list))
	for i, p := range list {
		out[i] = show(p, sender)
	}
	return d.json(c, struct {
		Issuer  gateway.Party `json:"iss"`
		ID      string        `json:"jti"`
		Entries []proven      `json:"entries"`
	}{iss, id.ID, out})
}

func show(p Proven, sender bool) proven {
	base64url := base64.RawURLEncoding.EncodeToString
	out := proven{
		Event: p.Event, State: "waiting", Opening: string(p.Opening), Nonce: base64url(p.Nonce), Proof: string(p.Proof),
	}
	if p.Leaf != nil {
		out.State, out.Origin, out.Index, out.Entry = "pending", p.Origin, &p.Index, string(p.Leaf)
	}
	if p.Proof != nil {
		out.State = "proven"
	}
	if sender && p.Concealed != nil {
		out.Concealed = &secret{base64url(p.ConcealedNonce), string(p.Concealed)}
	}
	return out
}
