package api_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// manifest stands for what coordinators signed: the door hands it out and does not read it.
const manifest = `{"payload":"e30","signatures":[]}`

// withRelease has a second release of the code lists on the shelf.
func withRelease(t *testing.T) option {
	return func(w *world) {
		t.Helper()
		w.server.Schemas = w.server.Schemas.Under(w.now.Now)
		r, ok := w.server.Schemas.Published("2026-11")
		if !ok {
			t.Fatal("there is no first release")
		}
		r.Name = "2027-03"
		r.Texts = schemas.Texts{"sq": {"indicator": {"g01": "Nuk mund të largohet"}}}
		i := slices.IndexFunc(r.Lists, func(l schemas.List) bool { return l.Name == "indicator" })
		r.Lists = slices.Clone(r.Lists)
		r.Lists[i].Codes = append(slices.Clone(r.Lists[i].Codes), schemas.CodeText{ID: "g16", En: "Is made to defraud others online"})
		life := schemas.Life{Published: noon, Activates: noon.AddDate(0, 1, 0), Supersedes: "2026-11", Overlaps: noon.AddDate(2, 0, 0)}
		if err := w.server.Schemas.Take(r, life, []byte(manifest)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReleasesAreHandedOutWithTheirManifestAndWhereTheyStand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRelease(t))
	type listed struct {
		Release  string   `json:"release"`
		Accepted []string `json:"accepted"`
		Releases []struct {
			Release, State, Supersedes string
			Signed                     bool
		} `json:"releases"`
		Lists []schemas.List `json:"lists"`
	}
	look := func() (l listed) {
		if err := json.Unmarshal([]byte(w.get("", "/v1/codes").body), &l); err != nil {
			t.Fatal(err)
		}
		return l
	}
	before := look()
	if before.Release != "2026-11" || len(before.Releases) != 2 || before.Releases[1].State != "announced" || !before.Releases[1].Signed || before.Releases[0].Signed {
		t.Errorf("before it comes into force: %s, %+v", before.Release, before.Releases)
	}
	w.now.add(40 * 24 * time.Hour)
	after := look()
	if after.Release != "2027-03" || !slices.Equal(after.Accepted, []string{"2026-11", "2027-03"}) || after.Releases[0].State != "overlapping" || after.Releases[1].State != "current" {
		t.Errorf("after: %s, %v, %+v", after.Release, after.Accepted, after.Releases)
	}
	if got := w.get("", "/v1/codes/2027-03/manifest").body; got != manifest {
		t.Errorf("the manifest is handed out as %q", got)
	}
	r, err := schemas.ParseRelease([]byte(w.get("", "/v1/codes/2027-03").body))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := w.server.Schemas.Published("2027-03")
	if diff := cmp.Diff(want.Digests(), r.Digests()); diff != "" {
		t.Error(diff)
	}
	w.wantProblem(w.get("", "/v1/codes/2026-11/manifest"), gateway.CodeNotFound)
	w.wantProblem(w.get("", "/v1/codes/2031-01"), gateway.CodeNotFound)
	w.wantProblem(w.get("", "/v1/codes/2031-01/manifest"), gateway.CodeNotFound)
}
