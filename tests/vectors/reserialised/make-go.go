// Prints what Go writes again, a JSON line for each: `go run make-go.go < originals.json > go.jsonl`.
// null is written where Go reads no JSON. Maps are written with their keys sorted, numbers as float64.
package main

import (
	"bytes"
	"encoding/json"
	"os"
)

type original struct{ Name, Body string }

func encoded(value any, escape bool, indent string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(escape)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return out.String()
}

func main() {
	var originals []original
	if err := json.NewDecoder(os.Stdin).Decode(&originals); err != nil {
		panic(err)
	}
	styles := []struct {
		name   string
		number bool
		write  func(value any) string
	}{
		{"Go encoding/json, keys sorted", false, func(value any) string { text, _ := json.Marshal(value); return string(text) }},
		{"Go encoding/json, keys sorted, numbers as written", true, func(value any) string { text, _ := json.Marshal(value); return string(text) }},
		{"Go encoding/json with 2 spaces, keys sorted", false, func(value any) string { text, _ := json.MarshalIndent(value, "", "  "); return string(text) }},
		{"Go encoding/json with tabs, keys sorted", false, func(value any) string { text, _ := json.MarshalIndent(value, "", "\t"); return string(text) }},
		{"Go json.Encoder, keys sorted", false, func(value any) string { return encoded(value, true, "") }},
		{"Go json.Encoder without HTML escapes, keys sorted", false, func(value any) string { return encoded(value, false, "") }},
	}
	out := json.NewEncoder(os.Stdout)
	for _, style := range styles {
		for _, each := range originals {
			decoder := json.NewDecoder(bytes.NewReader([]byte(each.Body)))
			if style.number {
				decoder.UseNumber()
			}
			var value any
			var text *string
			if err := decoder.Decode(&value); err == nil {
				written := style.write(value)
				text = &written
			}
			out.Encode(map[string]any{"style": style.name, "name": each.Name, "text": text})
		}
	}
}
