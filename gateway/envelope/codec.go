package envelope

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"example.org/trm/gateway"
)

// Codec reads envelopes and evidence strictly, and proves who signed them. The zero
// value has the limits of the exchange. It keeps no state: safe for concurrent use.
type Codec struct {
	MaxBytes int // of an envelope, its kb_jwt not counted; default 256 KiB
}

var (
	_ gateway.Opener   = Codec{}
	_ gateway.Examiner = Codec{}
)

// Decode reads an envelope: its form, the signed header, the head, and the disclosures by
// all rules of RFC 9901, Section 7.1 but the signature, which is for [Codec.Verify]. The
// error is a *gateway.Problem. Decode changes nothing in raw and panics for no input; its
// cost is linear in len(raw).
func (c Codec) Decode(raw []byte) (gateway.Parts, error) {
	_, p, err := c.read(raw)
	return p, err
}

func (c Codec) read(raw []byte) (wire, gateway.Parts, error) {
	most := cmp.Or(c.MaxBytes, defaultBytes)
	if len(raw) > most+maxCompact {
		return wire{}, gateway.Parts{}, gateway.Refuse(gateway.CodeTooLarge, "", "")
	}
	w, err := parseWire(raw)
	if err != nil {
		return wire{}, gateway.Parts{}, err
	}
	// A delivery is a submission and kb_jwt: what came in by the door must fit out of it.
	if len(raw)-len(w.bound) > most+len(`,"kb_jwt":""`) {
		return wire{}, gateway.Parts{}, gateway.Refuse(gateway.CodeTooLarge, "", "")
	}
	p, err := w.parts()
	return w, p, err
}

func (w *wire) parts() (gateway.Parts, error) {
	header, err := w.header()
	if err != nil {
		return gateway.Parts{}, err
	}
	// ES256 and EdDSA signatures have 64 bytes (RFC 7518, Section 3.4; RFC 8032).
	if sig, err := decode64(w.core.Signature); err != nil || len(sig) != 64 {
		return gateway.Parts{}, gateway.Refuse(gateway.CodeMalformed, "/signature", "A signature is 64 bytes in base64url.")
	}
	if w.bound != "" {
		if _, err := splitCompact(w.bound); err != nil {
			return gateway.Parts{}, pointAt(err, "/header/kb_jwt")
		}
	}
	doc, err := w.left.part(w.core.Payload, "/payload")
	if err != nil {
		return gateway.Parts{}, err
	}
	if doc[sdAlgName] != sdAlg {
		return gateway.Parts{}, gateway.Refuse(gateway.CodeDisclosure, "/"+sdAlgName, "_sd_alg is sha-256.")
	}
	delete(doc, sdAlgName)
	digests := doc[sdName]
	if digests == nil {
		return gateway.Parts{}, gateway.Refuse(gateway.CodeDisclosure, "/"+sdName, "_sd is a list of 1 to 64 digests.")
	}
	delete(doc, sdName)
	// The head is read before anything is disclosed into it.
	head, err := parseHead(doc)
	if err != nil {
		return gateway.Parts{}, err
	}
	doc[sdName] = digests
	units, err := w.units(doc)
	if err != nil {
		return gateway.Parts{}, err
	}
	return gateway.Parts{
		Head: head, Header: header, Core: w.core, Digest: digest(w.core, w.disclosures),
		Units: units, Document: doc, Bound: w.bound,
	}, nil
}

// units processes the disclosures into doc and returns them as units, sorted by name.
func (w *wire) units(doc map[string]any) ([]gateway.Unit, error) {
	r, i, err := newReveal(w.disclosures, &w.left)
	if err != nil {
		return nil, pointAt(err, disclosureAt(i))
	}
	for i := range r.list {
		if isHeadName(r.list[i].name) {
			return nil, gateway.Refuse(gateway.CodeDisclosure, disclosureAt(i), "Claims of the head are never disclosed: they stand in the payload.")
		}
	}
	top, err := r.fill(doc)
	if err != nil {
		return nil, pointAt(err, "/"+sdName)
	}
	var units []gateway.Unit
	for _, i := range top {
		us, err := r.unit(i)
		if err != nil {
			return nil, pointAt(err, disclosureAt(i))
		}
		units = append(units, us...)
	}
	if i := r.unused(); i >= 0 {
		return nil, gateway.Refuse(gateway.CodeDisclosure, disclosureAt(i), "No digest names this disclosure.")
	}
	slices.SortFunc(units, func(a, b gateway.Unit) int { return strings.Compare(a.Name, b.Name) })
	return units, nil
}

func disclosureAt(i int) string { return "/header/disclosures/" + strconv.Itoa(i) }

// unit reads a disclosure of the top level: a sealed block, or a clear one with the
// fields that are units of their own.
func (r *reveal) unit(i int) ([]gateway.Unit, error) {
	d := &r.list[i]
	if !isUnit(d.name) {
		return nil, gateway.Refuse(gateway.CodeUnitUnknown, "", "A unit is named block or block@role.")
	}
	u := gateway.Unit{Name: d.name, Disclosure: d.text}
	if _, role, sealed := strings.Cut(d.name, "@"); sealed {
		text, ok := d.value.(string)
		if !ok {
			return nil, gateway.Refuse(gateway.CodeUnitNotSealed, "", "")
		}
		seal, err := readSeal(text)
		if err != nil {
			return nil, err
		}
		if seal.Role != role {
			return nil, gateway.Refuse(gateway.CodeUnitSealedWrong, "", "The role in the seal is not the one in the unit's name.")
		}
		u.Seal = &seal
		return []gateway.Unit{u}, nil
	}
	object, ok := d.value.(map[string]any)
	if !ok {
		return nil, gateway.Refuse(gateway.CodeSchema, "", "A clear block is an object.")
	}
	fields, err := r.fill(object)
	if err != nil {
		return nil, err
	}
	if hasReserved(object) {
		return nil, gateway.Refuse(gateway.CodeDisclosure, "", "Fields are disclosed one level deep, and names that RFC 9901 reserves stand nowhere else.")
	}
	units := []gateway.Unit{u}
	for _, j := range fields {
		f := &r.list[j]
		if !isBlock(f.name) {
			return nil, gateway.Refuse(gateway.CodeUnitUnknown, "", "A field's name is letters only.")
		}
		units = append(units, gateway.Unit{Name: d.name + "/" + f.name, Disclosure: f.text})
	}
	return units, nil
}
