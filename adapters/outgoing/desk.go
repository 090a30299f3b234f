package outgoing

import (
	"io"
	"time"

	"example.org/trm/gateway"
)

// Catalogue knows the types and the content of blocks. The schemas package implements it.
type Catalogue interface {
	gateway.Catalogue
	// ValidateBlock checks the content of one block. What it refuses is a *Problem.
	ValidateBlock(block string, v any) error
}

// Desk is a country's way out. Safe for concurrent use.
type Desk struct {
	Directory gateway.Directory
	Catalogue Catalogue
	Policy    gateway.Policy
	Now       func() time.Time
	NewID     func() string
}

// Options of signing.
type Options struct {
	All bool // sign and send also what policy withholds, so that the gateway drops it
}

// Preview is what an officer sees before sending.
type Preview struct{}

// Preview says what each role at the other end will see.
func (k Desk) Preview(d Draft, facts gateway.ThreadFacts) (Preview, error) { return Preview{}, nil }

// WriteText renders the preview for a terminal.
func (p Preview) WriteText(w io.Writer) error { return nil }

// Signed is an envelope that can be submitted.
type Signed struct {
	Raw     []byte
	ID      gateway.MessageID
	Preview Preview
}
