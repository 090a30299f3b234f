package envelope

import "testing"

// A byte that is passed over unseen would be a hole in the decoder: every byte at every
// place, among neighbours that could hide it by carrying.
func TestNoSpecialByteIsPassedOver(t *testing.T) {
	t.Parallel()
	for _, around := range []byte{'A', '!', '#', '[', ']', 0x20, 0x7f, 0x80, 0x9f, 0xa2, 0xff} {
		for at := range 8 {
			for c := range 256 {
				var b [8]byte
				for i := range b {
					b[i] = around
				}
				b[at] = byte(c)
				special := c < 0x20 || c == '"' || c == '\\'
				if special && !isSpecial(string(b[:])) {
					t.Errorf("%#x at %d among %#x is passed over", c, at, around)
				}
			}
		}
	}
	for _, letters := range []string{"AZaz09-_", "eyJhbGci", "{}[]:,.~"} {
		if isSpecial(letters) {
			t.Errorf("%q is taken for special", letters)
		}
	}
}
