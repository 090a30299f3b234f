package gateway

import (
	"slices"
	"strings"
)

// SplitUnit takes a unit's name apart: block, and the role it is sealed to or, for a
// field of a clear block, the field. A clear block has neither.
func SplitUnit(name string) (block, role, field string) {
	if b, r, ok := strings.Cut(name, "@"); ok {
		return b, r, ""
	}
	b, f, _ := strings.Cut(name, "/")
	return b, "", f
}

// checkUnits compares every unit with what the type allows, and the outside of every
// sealed one with the message it lies in, so that no ciphertext can be moved.
func checkUnits(m Message, d Directory) error {
	h, t := m.parts.Head, m.kind
	for _, u := range m.parts.Units {
		block, role, field := SplitUnit(u.Name)
		ptr := "/" + block
		if role == "" {
			if field != "" {
				if !slices.Contains(t.Fields[block], field) {
					return Refuse(CodeUnitUnknown, ptr, "")
				}
				continue
			}
			if !slices.Contains(t.Must, block) && !slices.Contains(t.May, block) {
				return Refuse(CodeUnitUnknown, "", "")
			}
			continue
		}
		ptr += "@" + role
		sb, ok := sealedBlock(t, h.Audience, u.Name)
		if !ok {
			return Refuse(CodeUnitUnknown, "", "")
		}
		if err := checkSeal(m, d, u, sb, ptr); err != nil {
			return err
		}
	}
	return nil
}

func checkSeal(m Message, d Directory, u Unit, sb SealedBlock, ptr string) error {
	h := m.parts.Head
	_, role, _ := SplitUnit(u.Name)
	if u.Seal == nil {
		return Refuse(CodeUnitNotSealed, ptr, "")
	}
	reader := h.Audience.In(role)
	inst, ok := d.Institution(reader)
	if !ok {
		return Refuse(CodePartyUnknown, ptr, "")
	}
	if !slices.Contains(inst.Classes, sb.Class) {
		return Refuse(CodeRoleMayNot, ptr, "")
	}
	s := u.Seal
	if s.Issuer != h.Issuer || s.ID != h.ID || s.Role != role || s.Pointer != ptr || s.Size != sb.Size {
		return Refuse(CodeUnitSealedWrong, ptr, "")
	}
	k, ok := d.Key(s.KeyID)
	if !ok || k.Party != reader || k.Use != UseEncryption || !k.ValidAt(h.IssuedAt) {
		return Refuse(CodeUnitSealedWrong, ptr, "Seal it to an encryption key that the directory lists for the role at iat.")
	}
	return nil
}

// checkComplete asks for what must be there: the blocks that the type always carries,
// and every unit for another role, so that nobody learns from its absence.
func checkComplete(m Message, d Directory) error {
	has := func(name string) bool {
		_, ok := slices.BinarySearchFunc(m.parts.Units, name, func(u Unit, n string) int { return strings.Compare(u.Name, n) })
		return ok
	}
	for _, b := range m.kind.Must {
		if !has(b) {
			return Refuse(CodeUnitMissing, "/"+b, "")
		}
	}
	for _, sb := range ExpectedSeals(m.kind, m.parts.Head.Audience, d) {
		if u := sb.Unit(m.parts.Head.Audience); !has(u) {
			return Refuse(CodeUnitMissing, "/"+u, "")
		}
	}
	return nil
}

// ExpectedSeals are the sealed blocks that every message of the type to aud has: those
// for roles beside aud that the directory knows in aud's country. A sender seals {} where
// it has nothing to say.
func ExpectedSeals(t Type, aud Party, d Directory) []SealedBlock {
	var out []SealedBlock
	for _, sb := range t.Sealed {
		if !sb.Always(aud) {
			continue
		}
		if _, ok := d.Institution(aud.In(sb.Role)); ok {
			out = append(out, sb)
		}
	}
	return out
}

func sealedBlock(t Type, aud Party, unit string) (SealedBlock, bool) {
	for _, sb := range t.Sealed {
		if sb.Unit(aud) == unit {
			return sb, true
		}
	}
	return SealedBlock{}, false
}
