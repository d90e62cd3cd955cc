package templates

import (
	_ "embed"
	"fmt"
	"html/template"
)

//go:embed statement.html
var statementPage string

//go:embed statement.css
var statementStyle string

// StatementHTML answers the page of a statement, which escapes what it is given,
// and its style sheet. The page's only colour of its own is the layout's accent,
// which the style sheet reads from the variable --accent.
func StatementHTML() (*template.Template, string, error) {
	page, err := template.New("statement.html").Parse(statementPage)
	if err != nil {
		return nil, "", fmt.Errorf("embedded statement.html: %w", err)
	}
	return page, statementStyle, nil
}
