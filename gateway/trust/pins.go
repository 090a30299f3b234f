package trust

import (
	"encoding/json"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// Pins are the coordinators' directory keys that a process was installed with, and how
// many of them a directory needs. The file is public and carried by hand: whoever can
// replace it decides whom the process believes.
type Pins struct {
	Notice string      `json:"notice,omitempty"`
	K      int         `json:"k"`
	Keys   []PinnedKey `json:"keys"`
}

// Freshers is how many coordinators confirm that a directory is still the newest.
const Freshers = 2

// ParsePins reads a file of pins strictly: one key for each country, and k a majority, so
// that no two directories of one number can both find a quorum without a country signing
// both. White space between members is allowed, people edit this file.
func ParsePins(raw []byte) (Pins, error) {
	var p Pins
	if _, err := envelope.DecodeJSON(raw); err != nil {
		return Pins{}, fault(BadPins, "")
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return Pins{}, fault(BadPins, "")
	}
	if _, err := p.keys(); err != nil {
		return Pins{}, err
	}
	return p, nil
}

// keys are the pinned keys by id, ready to verify with.
func (p Pins) keys() (map[string]gateway.Key, error) {
	if n := len(gateway.Countries); len(p.Keys) != n || 2*p.K <= n || p.K > n {
		return nil, fault(BadPins, "")
	}
	out := make(map[string]gateway.Key, len(p.Keys))
	seen := map[gateway.Country]bool{}
	for _, k := range p.Keys {
		if !k.Country.Valid() || seen[k.Country] {
			return nil, fault(BadPins, string(k.Country))
		}
		seen[k.Country] = true
		pub, err := k.public()
		if err != nil {
			return nil, fault(BadPins, string(k.Country))
		}
		if _, twice := out[k.ID]; twice {
			return nil, fault(BadPins, string(k.Country))
		}
		out[k.ID] = pub
	}
	return out, nil
}

// public reads the key. Its dates are the directory's, so it has none of its own.
func (k PinnedKey) public() (gateway.Key, error) {
	pub, id, alg, err := envelope.ParsePublic(k.JWK)
	switch {
	case err != nil:
		return gateway.Key{}, fault(BadKey, string(k.Country))
	case id != k.ID:
		return gateway.Key{}, fault(WrongID, string(k.Country))
	case !signs(alg):
		return gateway.Key{}, fault(WrongAlgorithm, string(k.Country))
	}
	return gateway.Key{ID: id, Party: coordinator(k.Country), Use: gateway.UseDirectory, Alg: alg, Public: pub}, nil
}

// Pin makes the pin of a coordinator's directory key.
func Pin(c gateway.Country, k *envelope.Private) (PinnedKey, error) {
	if k.Use() != gateway.UseDirectory {
		return PinnedKey{}, fault(WrongUse, string(c))
	}
	jwk, id, err := envelope.MarshalPublic(k.Public(), gateway.UseDirectory)
	if err != nil {
		return PinnedKey{}, err
	}
	return PinnedKey{Country: c, ID: id, JWK: jwk}, nil
}

func coordinator(c gateway.Country) gateway.Party { return gateway.Party(c) + "/coordinator" }

func signs(alg string) bool { return alg == "ES256" || alg == "EdDSA" }
