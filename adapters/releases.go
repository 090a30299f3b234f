package adapters

import (
	"context"
	"fmt"
	"net/http"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// Releases lists the releases of the code lists for which the gateway has a manifest.
func (c *Client) Releases(ctx context.Context, as gateway.Party) ([]string, error) {
	var list struct {
		Releases []struct {
			Release string `json:"release"`
			Signed  bool   `json:"signed"`
		} `json:"releases"`
	}
	if err := c.get(ctx, as, "/v1/codes", schemas.MaxRelease, &list); err != nil {
		return nil, fmt.Errorf("asking for releases of the code lists: %w", err)
	}
	var names []string
	for _, r := range list.Releases {
		if r.Signed {
			names = append(names, r.Release)
		}
	}
	return names, nil
}

// Release fetches a release of the code lists and its manifest, which proves it.
func (c *Client) Release(ctx context.Context, as gateway.Party, name string) (release, manifest []byte, err error) {
	for _, part := range []struct {
		path string
		into *[]byte
	}{{"/v1/codes/" + name, &release}, {"/v1/codes/" + name + "/manifest", &manifest}} {
		r, err := c.call(ctx, as, http.MethodGet, part.path, nil, nil, schemas.MaxRelease)
		if err == nil {
			err = r.failure()
		}
		if err != nil {
			return nil, nil, fmt.Errorf("fetching a release of the code lists: %w", err)
		}
		*part.into = r.body
	}
	return release, manifest, nil
}
