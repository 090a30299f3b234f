package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"example.org/trm/gateway"
)

// sizes are the three lengths that sealed plaintext has, so that a ciphertext's length
// tells its type and nothing of its content.
var sizes = [...]int{1 << 10, 4 << 10, 16 << 10}

// Place is where a sealed unit belongs. It stands in the seal's protected header, which
// the ciphertext authenticates: a unit that is moved into another message, to another
// role or to another place does not open.
type Place struct {
	Issuer            gateway.Party // of the message
	ID, Role, Pointer string        // jti of the message; reading role; "/health@child-protection"
}

func (p Place) valid() bool {
	return isParty(string(p.Issuer)) && isUUID7(p.ID) && isRole(p.Role) && isPlacePointer(p.Pointer)
}

func isPlacePointer(s string) bool { return len(s) > 1 && s[0] == '/' && isUnit(s[1:]) }

// errSize says that content does not fit its type's size class.
var errSize = errors.New("sealing: the content does not fit its size class")

// Seal closes the JSON text of a sealed block for the role at the place, padded with
// trailing spaces to exactly size bytes: 1024, 4096 or 16384. What is larger is an error,
// never a larger size, which would tell that something large is inside.
func Seal(plain []byte, size int, to gateway.Key, at Place) (string, error) {
	if !slices.Contains(sizes[:], size) || len(plain) > size {
		return "", errSize
	}
	if !at.valid() {
		return "", errors.New("sealing: the place does not have its form")
	}
	s, err := encrypt(pad(plain, size), to, typUnit, map[string]string{
		"iss": string(at.Issuer), "jti": at.ID, "role": at.Role, "ptr": at.Pointer,
	})
	if err != nil {
		return "", fmt.Errorf("sealing: %w", err)
	}
	return s, nil
}

// pad fills up with spaces, which JSON allows at the end (RFC 8259, Section 2).
func pad(plain []byte, size int) []byte {
	b := make([]byte, size)
	for i := copy(b, plain); i < size; i++ {
		b[i] = ' '
	}
	return b
}

// readSeal reads the outside of a sealed unit: all that the gateway can know of it.
func readSeal(s string) (gateway.Seal, error) {
	c, err := readJWE(s, typUnit, gateway.CodeUnitSealedWrong)
	if err != nil {
		return gateway.Seal{}, err
	}
	for _, name := range []string{"iss", "jti", "role", "ptr"} {
		c.more.need(name)
	}
	seal := gateway.Seal{
		KeyID: c.kid, Issuer: c.more.party("iss"), ID: c.more.uuid("jti"),
		Role: c.more.text("role", isRole), Pointer: c.more.text("ptr", isPlacePointer), Size: c.size,
	}
	if err := c.done(); err != nil {
		return gateway.Seal{}, err
	}
	if !slices.Contains(sizes[:], c.size) {
		return gateway.Seal{}, gateway.Refuse(gateway.CodeUnitSealedWrong, "", "Pad the content with spaces to 1024, 4096 or 16384 bytes.")
	}
	return seal, nil
}

// Unseal opens a sealed unit at its place and returns the content without the padding.
// It proves nothing about who sealed it: that is the message's signature. The error is a
// *gateway.Problem where the unit is at fault.
func Unseal(jwe string, k *Private, at Place) (plain []byte, err error) {
	seal, err := readSeal(jwe)
	if err != nil {
		return nil, err
	}
	if (Place{seal.Issuer, seal.ID, seal.Role, seal.Pointer}) != at {
		return nil, gateway.Refuse(gateway.CodeUnitSealedWrong, "", "The unit was sealed for another place.")
	}
	plain, err = decrypt(jwe, closed{kid: seal.KeyID}, k)
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(plain, " "), nil
}
