// Command recorder prints what Go libraries make of our own cases: `recorder health` or `recorder yaml`.
//
// Cases are read from standard input, a JSON value a line, and written again with what the library says of each:
//
//	health  object        -> status, message, conditions (kstatus)
//	yaml    text          -> v3: each document as [tag, style, content, line, column], aliases expanded (go-yaml v3)
//	                         v2: the document as JSON (sigs.k8s.io/yaml, on go-yaml v2), unless there are several
//	                         written: that JSON as sigs.k8s.io/yaml writes it
//	                         null: the text is refused
//
// `recorder versions health` prints the modules that a library is of.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	yamlv2 "sigs.k8s.io/yaml"
)

// A case has a name, what the library is given, and what it says.
type kase = map[string]any

// What a library makes of a case.
type library struct {
	record  func(kase) error
	modules []string
}

var libraries = map[string]library{
	"health": {health, []string{"github.com/fluxcd/cli-utils"}},
	"yaml":   {readYAML, []string{"go.yaml.in/yaml/v3", "go.yaml.in/yaml/v2", "sigs.k8s.io/yaml"}},
}

// Most bytes of a line.
const lineMax = 1 << 20

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "recorder:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 2 && arguments[0] == "versions" {
		return versions(libraries[arguments[1]].modules)
	}
	if len(arguments) != 1 || libraries[arguments[0]].record == nil {
		return errors.New("usage: recorder [versions] health|yaml")
	}

	record := libraries[arguments[0]].record
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, lineMax)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		found := kase{}
		if err := json.Unmarshal(lines.Bytes(), &found); err != nil {
			return err
		}
		if err := record(found); err != nil {
			return fmt.Errorf("%v: %w", found["name"], err)
		}
		if err := out.Encode(found); err != nil {
			return err
		}
	}
	return lines.Err()
}

// versions prints the modules that this program was built with, on one line.
func versions(wanted []string) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("the program does not know its modules")
	}
	var found []string
	for _, module := range info.Deps {
		if slices.Contains(wanted, module.Path) {
			found = append(found, module.Path+" "+module.Version)
		}
	}
	fmt.Println(strings.Join(found, ", "))
	return nil
}

func health(found kase) error {
	// The object is read as a client reads it: whole numbers are int64, which kstatus expects.
	text, err := json.Marshal(found["object"])
	if err != nil {
		return err
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(text); err != nil {
		return err
	}
	result, err := status.Compute(object)
	if err != nil {
		return err
	}
	found["status"], found["message"] = result.Status.String(), result.Message
	conditions := []kase{}
	for _, condition := range result.Conditions {
		conditions = append(conditions, kase{
			"type": condition.Type.String(), "status": string(condition.Status), "reason": condition.Reason,
			"message": condition.Message,
		})
	}
	found["conditions"] = conditions
	return nil
}

func readYAML(found kase) error {
	text, _ := found["text"].(string)
	documents, err := nodes(text)
	if err != nil {
		found["v3"] = nil
	} else {
		found["v3"] = documents
	}
	if len(documents) > 1 {
		return nil
	}

	value, err := yamlv2.YAMLToJSON([]byte(text))
	if err != nil {
		found["v2"] = nil
		return nil
	}
	found["v2"] = json.RawMessage(value)
	written, err := yamlv2.JSONToYAML(value)
	if err != nil {
		return err
	}
	found["written"] = string(written)
	return nil
}

// nodes reads a text with go-yaml v3.
func nodes(text string) ([]any, error) {
	reader := yamlv3.NewDecoder(bytes.NewBufferString(text))
	documents := []any{}
	for {
		var node yamlv3.Node
		err := reader.Decode(&node)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		// Keys that stand twice, and keys that are no scalars, are refused only when values are made of the nodes.
		var value any
		if err := node.Decode(&value); err != nil {
			return nil, err
		}
		documents = append(documents, shown(node.Content[0]))
	}
}

func shown(node *yamlv3.Node) any {
	if node.Kind == yamlv3.AliasNode {
		return shown(node.Alias)
	}
	var content any = node.Value
	if node.Kind != yamlv3.ScalarNode {
		children := []any{}
		for _, child := range node.Content {
			children = append(children, shown(child))
		}
		content = children
	}
	return []any{node.ShortTag(), style(node.Style), content, node.Line, node.Column}
}

func style(style yamlv3.Style) string {
	names := []struct {
		style yamlv3.Style
		name  string
	}{
		{yamlv3.DoubleQuotedStyle, "double"},
		{yamlv3.SingleQuotedStyle, "single"},
		{yamlv3.LiteralStyle, "literal"},
		{yamlv3.FoldedStyle, "folded"},
		{yamlv3.FlowStyle, "flow"},
	}
	for _, known := range names {
		if style&known.style != 0 {
			return known.name
		}
	}
	return "plain"
}
