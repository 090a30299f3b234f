package envelope

import (
	"crypto"
	"errors"
	"time"

	"example.org/trm/gateway"
)

var errNotYet = errors.New("not yet")

type Codec struct{ MaxBytes int }

func (Codec) Decode(raw []byte) (gateway.Parts, error)    { return gateway.Parts{}, errNotYet }
func (Codec) Verify(p gateway.Parts, k gateway.Key) error { return errNotYet }
func (Codec) Examine(jws string) (gateway.Statement, string, error) {
	return gateway.Statement{}, "", errNotYet
}
func (Codec) Check(jws string, k gateway.Key) error { return errNotYet }

type Private struct{}

func Generate(use gateway.Use, alg string) (*Private, error) { return nil, errNotYet }
func ParsePrivate(jwk []byte) (*Private, error)              { return nil, errNotYet }
func (*Private) Marshal() ([]byte, error)                    { return nil, errNotYet }
func (*Private) ID() string                                  { return "" }
func (*Private) Alg() string                                 { return "" }
func (*Private) Use() gateway.Use                            { return "" }
func (*Private) Public() crypto.PublicKey                    { return nil }
func (*Private) Signer() crypto.Signer                       { return nil }
func (*Private) Key(p gateway.Party, notBefore, notAfter time.Time, thumbprint string) gateway.Key {
	return gateway.Key{}
}

func ParsePublic(jwk []byte) (pub crypto.PublicKey, id, alg string, err error) {
	return nil, "", "", errNotYet
}
func MarshalPublic(pub crypto.PublicKey, use gateway.Use) (jwk []byte, id string, err error) {
	return nil, "", errNotYet
}
func DecodeJSON(raw []byte) (any, error) { return nil, errNotYet }

type Draft struct {
	Head   gateway.Head
	Clear  map[string]map[string]any
	Sealed map[string]string
	Type   gateway.Type
}

func Sign(d Draft, k *Private, thumbprint string, x5c [][]byte) (raw []byte, err error) {
	return nil, errNotYet
}

type Place struct {
	Issuer            gateway.Party
	ID, Role, Pointer string
}

func Seal(plain []byte, size int, to gateway.Key, at Place) (string, error) { return "", errNotYet }
func Unseal(jwe string, k *Private, at Place) (plain []byte, err error)     { return nil, errNotYet }
func Drop(raw []byte, keep func(unit string) bool) ([]byte, error)          { return nil, errNotYet }

type Binder struct{ Binding *Private }

func (Binder) Bind(core gateway.Core, units []gateway.Unit, b gateway.Binding, recipient gateway.Key) (gateway.Bound, error) {
	return gateway.Bound{}, errNotYet
}
func (Binder) Conceal(list []gateway.Withheld, id gateway.MessageID, reader gateway.Key) (string, error) {
	return "", errNotYet
}

type Notary struct{ Keys map[gateway.Party]*Private }

func (Notary) Testify(s gateway.Statement) (string, error) { return "", errNotYet }

func Reveal(jwe string, k *Private, id gateway.MessageID) ([]gateway.Withheld, error) {
	return nil, errNotYet
}
func WrapKeyID(wrapped string) (kid, delivery string, err error) { return "", "", errNotYet }
func Unwrap(wrapped string, k *Private) (raw []byte, err error)  { return nil, errNotYet }
func CheckBinding(p gateway.Parts, lookup func(kid string) (gateway.Key, bool), delivery string) (gateway.Binding, error) {
	return gateway.Binding{}, errNotYet
}

type Assertion struct {
	Party             gateway.Party
	Audience, ID      string
	IssuedAt, Expires time.Time
	KeyID             string
}

func SignAssertion(a Assertion, k *Private) (string, error)              { return "", errNotYet }
func ReadAssertion(jwt string) (Assertion, error)                        { return Assertion{}, errNotYet }
func CheckAssertion(jwt string, k gateway.Key) error                     { return errNotYet }
func SignCompact(typ string, payload []byte, k *Private) (string, error) { return "", errNotYet }
func ReadCompact(typ, jws string) (payload []byte, h gateway.Header, err error) {
	return nil, gateway.Header{}, errNotYet
}
func VerifyCompact(jws string, k gateway.Key) error { return errNotYet }

var (
	_ gateway.Opener   = Codec{}
	_ gateway.Examiner = Codec{}
	_ gateway.Binder   = Binder{}
	_ gateway.Notary   = Notary{}
)
