// Command fields prints the structs behind Kubernetes' built-in kinds: what their fields are called in JSON, which
// number they have in protobuf, and when Go leaves them out.
//
// One line a thing, sorted:
//
//	kind  VERSION KIND TYPE         objects of this apiVersion and kind are of this type
//	struct TYPE                     followed by its fields
//	  NAME NUMBER TYPE FLAGS        NAME is - for a field that is inlined, NUMBER 0 for one that is not in protobuf;
//	                                flags: e leaves out what is empty, z leaves out what is zero
//	named TYPE UNDERLYING           a type with a name that is no struct
//	wrapped TYPE UNDERLYING         the same; in protobuf its items are field 1 of a message
//	special TYPE                    a type that reads and writes JSON by code of its own
//
// Types are written as Go writes them, packages by the last parts of their path. What this does not understand ends
// it: a new sort of type is to be looked at, not guessed.
package main

import (
	"encoding"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	admissionv1beta1 "k8s.io/api/admission/v1beta1"
	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	apidiscoveryv2beta1 "k8s.io/api/apidiscovery/v2beta1"
	imagepolicyv1alpha1 "k8s.io/api/imagepolicy/v1alpha1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

func main() {
	table := table{types: map[reflect.Type]bool{}}
	for gvk, object := range kinds() {
		table.lines = append(table.lines, fmt.Sprintf("kind %s %s %s", gvk.GroupVersion(), gvk.Kind, name(object)))
		table.add(object)
	}
	slices.Sort(table.lines)
	for _, line := range table.lines {
		fmt.Println(line)
	}
}

// kinds returns the type of each kind, without lists. Types that serve every group count for the core and meta only.
func kinds() map[schema.GroupVersionKind]reflect.Type {
	found := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		scheme.AddToScheme, apiextensionsv1.AddToScheme, apiregistrationv1.AddToScheme, admissionv1.AddToScheme,
		admissionv1beta1.AddToScheme, imagepolicyv1alpha1.AddToScheme, apidiscoveryv2.AddToScheme,
		apidiscoveryv2beta1.AddToScheme,
	} {
		if err := add(found); err != nil {
			fail("%v", err)
		}
	}
	metav1.AddToGroupVersion(found, schema.GroupVersion{Version: "v1"})
	kinds := map[schema.GroupVersionKind]reflect.Type{}
	for gvk, object := range found.AllKnownTypes() {
		_, isList := object.FieldByName("Items")
		shared := object.PkgPath() == metaPath && gvk.Group != "" && gvk.Group != "meta.k8s.io"
		if !isList && !shared && gvk.Version != runtime.APIVersionInternal {
			kinds[gvk] = object
		}
	}
	return kinds
}

type table struct {
	types map[reflect.Type]bool
	lines []string
}

// add writes down a type and all it uses.
func (t *table) add(of reflect.Type) {
	if of.PkgPath() == "" {
		switch of.Kind() {
		case reflect.Pointer, reflect.Slice:
			t.add(of.Elem())
		case reflect.Map:
			t.add(of.Key())
			t.add(of.Elem())
		}
		return
	}
	if t.types[of] {
		return
	}
	t.types[of] = true
	switch {
	case isSpecial(of):
		t.lines = append(t.lines, "special "+name(of))
	case of.Kind() == reflect.Struct:
		t.lines = append(t.lines, "struct "+name(of)+t.fields(of))
	default:
		word := "named"
		if of.Kind() == reflect.Slice && reflect.PointerTo(of).Implements(reflect.TypeFor[interface{ Unmarshal([]byte) error }]()) {
			word = "wrapped"
		}
		t.lines = append(t.lines, word+" "+name(of)+" "+underlying(of))
		if of.Kind() == reflect.Slice || of.Kind() == reflect.Map {
			t.add(of.Elem())
		}
	}
}

func isSpecial(of reflect.Type) bool {
	pointer := reflect.PointerTo(of)
	reads := pointer.Implements(reflect.TypeFor[json.Unmarshaler]())
	writes := of.Implements(reflect.TypeFor[json.Marshaler]()) || pointer.Implements(reflect.TypeFor[json.Marshaler]())
	if pointer.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) && !reads {
		fail("%s reads text by code of its own", of)
	}
	return reads || writes
}

func (t *table) fields(of reflect.Type) string {
	var text strings.Builder
	seen := map[string]bool{}
	for field := range of.Fields() {
		if !field.IsExported() {
			fail("%s.%s is not exported", of, field.Name)
		}
		tag := strings.Split(field.Tag.Get("json"), ",")
		name, flags := tag[0], ""
		if name == "-" && len(tag) == 1 {
			continue
		}
		for _, option := range tag[1:] {
			switch option {
			case "omitempty":
				flags += "e"
			case "omitzero":
				flags += "z"
			case "inline", "":
			default:
				fail("%s.%s has the option %q", of, field.Name, option)
			}
		}
		switch {
		case name == "" && field.Anonymous && field.Type.Kind() == reflect.Struct && !isSpecial(field.Type):
			name, flags = "-", ""
		case name == "":
			fail("%s.%s has no name", of, field.Name)
		}
		if seen[name] && name != "-" {
			fail("%s has two fields %q", of, name)
		}
		seen[name] = true
		t.add(field.Type)
		line := fmt.Sprintf("\n  %s %d %s %s", name, number(of, field), spelled(field.Type), flags)
		text.WriteString(strings.TrimRight(line, " "))
	}
	return text.String()
}

// number returns the number of a field in protobuf. Its wire type follows from its Go type; the one in the tag is not
// always right (MetricTarget.averageUtilization).
func number(of reflect.Type, field reflect.StructField) int {
	tag := field.Tag.Get("protobuf")
	if tag == "" || tag == "-" {
		return 0
	}
	number, err := strconv.Atoi(strings.Split(tag, ",")[1])
	if err != nil {
		fail("%s.%s: %v", of, field.Name, err)
	}
	return number
}

// spelled returns a type as it is written in a field.
func spelled(of reflect.Type) string {
	if of.PkgPath() != "" {
		return name(of)
	}
	switch of.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return underlying(of)
	case reflect.Bool, reflect.String, reflect.Int32, reflect.Int64, reflect.Uint32, reflect.Uint64, reflect.Int, reflect.Float64:
		return of.Kind().String()
	}
	fail("%s is of no known sort", of)
	return ""
}

func underlying(of reflect.Type) string {
	switch of.Kind() {
	case reflect.Pointer:
		return "*" + spelled(of.Elem())
	case reflect.Slice:
		if of.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		return "[]" + spelled(of.Elem())
	case reflect.Map:
		return "map[" + spelled(of.Key()) + "]" + spelled(of.Elem())
	case reflect.Bool, reflect.String, reflect.Int32, reflect.Int64:
		return of.Kind().String()
	}
	fail("%s is of no known sort", of)
	return ""
}

// name returns the name of a type with as much of its package's path as tells packages apart.
func name(of reflect.Type) string {
	path := of.PkgPath()
	for _, prefix := range []string{"k8s.io/api/", "k8s.io/apimachinery/pkg/apis/", "k8s.io/apimachinery/pkg/api/",
		"k8s.io/apimachinery/pkg/util/", "k8s.io/apimachinery/pkg/", "k8s.io/apiextensions-apiserver/pkg/apis/",
		"k8s.io/kube-aggregator/pkg/apis/"} {
		if short, found := strings.CutPrefix(path, prefix); found {
			return short + "." + of.Name()
		}
	}
	fail("%s is in no known module", of)
	return ""
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "fields: "+format+"\n", args...)
	os.Exit(1)
}

const metaPath = "k8s.io/apimachinery/pkg/apis/meta/v1"
