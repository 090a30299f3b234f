package audit_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"example.org/trm/gateway/audit"
)

// FuzzVerify changes an honest bundle, one part of it or its bytes as they are: no change
// panics or hangs, and none that means something goes unnoticed.
func FuzzVerify(f *testing.F) {
	w := newWorld(f)
	w.conversation()
	w.pad(270)
	honest := w.bundle("me/auditor")
	members, err := audit.Unpack(honest)
	w.ok(err)
	f.Add(uint16(0), uint32(10), []byte("x"), uint8(0))
	f.Add(uint16(5), uint32(0), []byte{}, uint8(1))
	f.Add(uint16(9), uint32(100), []byte("\n"), uint8(2))
	f.Add(uint16(0), uint32(700), []byte{0xff}, uint8(3))
	for i, m := range members {
		if strings.HasPrefix(m.Name, "schemas/") && !strings.HasSuffix(m.Name, "types.csv") {
			continue // there are many, all alike
		}
		f.Add(uint16(i), uint32(33), []byte{'7'}, uint8(0))
		f.Add(uint16(i), uint32(0), []byte{}, uint8(4))
	}
	f.Fuzz(func(t *testing.T, n uint16, at uint32, with []byte, how uint8) {
		list := slices.Clone(members)
		m := &list[int(n)%len(list)]
		i := 0
		if len(m.Data) > 0 {
			i = int(at) % len(m.Data)
		}
		switch how % 5 {
		case 0: // written over
			m.Data = slices.Clone(m.Data)
			copy(m.Data[i:], with)
		case 1: // cut off
			m.Data = m.Data[:i]
		case 2: // put in
			m.Data = slices.Insert(slices.Clone(m.Data), i, with...)
		case 3: // the archive itself
			raw := slices.Clone(honest)
			copy(raw[int(at)%len(raw):], with)
			judge(t, w, raw, honest, "")
			return
		case 4: // left out
			list = slices.Delete(list, int(n)%len(list), int(n)%len(list)+1)
		}
		raw, err := audit.Pack(list)
		if err != nil {
			return
		}
		judge(t, w, raw, honest, members[int(n)%len(members)].Name)
	})
}

func judge(t *testing.T, w *world, raw, honest []byte, member string) {
	r, err := audit.Verify(context.Background(), bytes.NewReader(raw), audit.Options{Pins: w.pins})
	if err != nil {
		t.Fatal(err)
	}
	// Signatures of others may stand below a checkpoint, and white space around a directory.
	if member == "checkpoint" || strings.HasPrefix(member, "directories/") {
		return
	}
	if r.Clean() && !bytes.Equal(raw, honest) {
		t.Errorf("a change of %s is not found", member)
	}
	if _, err := audit.Match(context.Background(), bytes.NewReader(raw), bytes.NewReader(honest)); err == nil && r.Count(audit.Conforms) > 0 {
		t.Error("a finding conforms")
	}
}

// FuzzParseReceipt reads and proves whatever it is given.
func FuzzParseReceipt(f *testing.F) {
	w := newWorld(f)
	s := w.send(referral(me, rs))
	f.Add([]byte(`{"format":"trm-receipt/1","viewer":"rs/coordinator","message":{"iss":"a","jti":"b"},"steps":[{"index":0,"nonce":"","opening":""}],"directories":[],"statements":[]}`))
	f.Add([]byte(s.Answer.Receipt))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := audit.ParseReceipt(raw)
		if err != nil {
			return
		}
		if told := r.Verify(w.pins); len(told.Findings) == 0 {
			t.Error("it was believed")
		}
	})
}
