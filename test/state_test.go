package test

import (
	"errors"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
)

// checkState finds what a package keeps beside its values: an init function, and a
// package-level variable that something changes, gives away or that is made to be changed.
// A table that is only read, a compiled pattern and a sync.OnceValue are no state.
func checkState(f folder, say func(string, ...any)) {
	if len(f.code) == 0 {
		return
	}
	var files []*ast.File
	for _, name := range slices.Sorted(maps.Keys(f.code)) {
		files = append(files, f.code[name])
	}
	info, pkg := resolve(f, files)
	in := func(n ast.Node) string { return filepath.Base(f.files.Position(n.Pos()).Filename) }
	changed := func(e ast.Expr) {
		if id := root(e); id != nil {
			if v, ok := info.Uses[id].(*types.Var); ok && v.Parent() == pkg.Scope() {
				say("%s in %s is package-level and is changed", id.Name, in(id))
			}
		}
	}
	for _, file := range files {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					say("func init in %s: nothing registers itself", in(d))
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, ok := s.(*ast.ValueSpec); ok && d.Tok == token.VAR && mutable(v.Type) {
						say("%s in %s is package-level and of a type that is made to be changed", v.Names[0].Name, in(v))
					}
				}
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					changed(e)
				}
			case *ast.IncDecStmt:
				changed(n.X)
			case *ast.RangeStmt:
				changed(n.Key)
				changed(n.Value)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					changed(n.X)
				}
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && slices.Contains([]string{"delete", "clear", "copy"}, id.Name) {
					changed(n.Args[0])
				}
			}
			return true
		})
	}
}

// resolve says which name means what inside one package. What it imports stays unknown,
// which is enough to tell a package's variable from a local one of the same name.
func resolve(f folder, files []*ast.File) (*types.Info, *types.Package) {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{
		Importer:    nobody{},
		FakeImportC: true,
		Error:       func(error) {}, // unknown imports
	}
	pkg, _ := conf.Check(f.dir, f.files, files, info)
	return info, pkg
}

// nobody imports nothing.
type nobody struct{}

func (nobody) Import(string) (*types.Package, error) { return nil, errors.New("not looked at") }

// root is the variable at the left end of a[i].b, or nil.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// mutable reports whether a declared type exists to be changed: a lock, a counter, a
// channel.
func mutable(e ast.Expr) bool {
	switch x := e.(type) {
	case *ast.ChanType:
		return true
	case *ast.SelectorExpr:
		id, ok := x.X.(*ast.Ident)
		return ok && (id.Name == "sync" || id.Name == "atomic")
	case *ast.IndexExpr:
		return mutable(x.X)
	case *ast.StarExpr:
		return mutable(x.X)
	case *ast.ArrayType:
		return mutable(x.Elt)
	case *ast.MapType:
		return mutable(x.Value)
	}
	return false
}
