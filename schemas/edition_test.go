package schemas_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/schemas"
)

// TestAnEditionIsWhatItsDigestNames: the files that a digest names are an edition with that
// digest and the same types; one byte more and it is another.
func TestAnEditionIsWhatItsDigestNames(t *testing.T) {
	t.Parallel()
	s, err := schemas.Open()
	if err != nil {
		t.Fatal(err)
	}
	files, err := s.Files()
	if err != nil {
		t.Fatal(err)
	}
	e, err := schemas.ReadEdition(files)
	if err != nil {
		t.Fatal(err)
	}
	if e.Digest() != s.Digest() {
		t.Errorf("the edition is %s, the program's %s", e.Digest(), s.Digest())
	}
	for _, want := range s.Types() {
		got, ok := e.Type(want.Name)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Name, diff)
		}
	}
	for name := range files {
		files[name] = append([]byte(" "), files[name]...)
		if e, err := schemas.ReadEdition(files); err == nil && e.Digest() == s.Digest() {
			t.Errorf("a byte more in %s changes nothing", name)
		}
		files[name] = files[name][1:]
	}
	delete(files, "types.csv")
	if _, err := schemas.ReadEdition(files); err == nil {
		t.Error("an edition without types was read")
	}
}
