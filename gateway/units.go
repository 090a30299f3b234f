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
	h := m.parts.Head
	for _, u := range m.parts.Units {
		sb, err := checkName(u.Name, m.kind, h.Audience, d)
		if err != nil {
			return err
		}
		if _, role, _ := SplitUnit(u.Name); role == "" {
			continue
		}
		if err := checkSeal(h, d, u, sb); err != nil {
			return err
		}
	}
	return nil
}

// checkName asks of a unit what its name alone tells: whether messages of the type to aud
// carry it and, of a sealed one, whether its reader may have it.
func checkName(name string, t Type, aud Party, d Directory) (SealedBlock, error) {
	block, role, field := SplitUnit(name)
	switch {
	case field != "":
		if !slices.Contains(t.Fields[block], field) {
			return SealedBlock{}, Refuse(CodeUnitUnknown, "/"+block, "")
		}
		return SealedBlock{}, nil
	case role == "":
		if !slices.Contains(t.Must, block) && !slices.Contains(t.May, block) {
			return SealedBlock{}, Refuse(CodeUnitUnknown, "", "")
		}
		return SealedBlock{}, nil
	}
	sb, ok := sealedBlock(t, aud, name)
	if !ok {
		return sb, Refuse(CodeUnitUnknown, "", "")
	}
	inst, ok := d.Institution(aud.In(role))
	if !ok {
		return sb, Refuse(CodePartyUnknown, "/"+name, "")
	}
	if !slices.Contains(inst.Classes, sb.Class) {
		return sb, Refuse(CodeRoleMayNot, "/"+name, "")
	}
	return sb, nil
}

func checkSeal(h Head, d Directory, u Unit, sb SealedBlock) error {
	_, role, _ := SplitUnit(u.Name)
	ptr := "/" + u.Name
	if u.Seal == nil {
		return Refuse(CodeUnitNotSealed, ptr, "")
	}
	reader, s := h.Audience.In(role), u.Seal
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
func checkComplete(names []string, t Type, aud Party, d Directory) error {
	has := func(name string) bool {
		_, ok := slices.BinarySearch(names, name)
		return ok
	}
	for _, b := range t.Must {
		if !has(b) {
			return Refuse(CodeUnitMissing, "/"+b, "")
		}
	}
	for _, sb := range ExpectedSeals(t, aud, d) {
		if u := sb.Unit(aud); !has(u) {
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
