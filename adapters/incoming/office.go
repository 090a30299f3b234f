// Package incoming opens what the gateway delivered and says what each role of the
// country may see of it. It does no I/O and keeps no state.
package incoming

import "example.org/trm/gateway"

// Opened is a delivery whose origin and binding are proven.
type Opened struct {
	Message gateway.Message
	Binding gateway.Binding
	Head    gateway.Head
	Views   []View
	Raw     []byte
}

// View is what one role may see of a message.
type View struct {
	Party     gateway.Party
	Head      map[string]any
	Clear     map[string]any
	Sealed    map[string]any
	SealedFor []string
}
