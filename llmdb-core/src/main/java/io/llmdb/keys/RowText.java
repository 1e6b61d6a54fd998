package io.llmdb.keys;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads rows in the form in which PostgreSQL writes a row as text, one after the other: {@code (a,"b c",,"")} or
 * {@code -} where there is none. Dozens of columns in one value cost the server and the driver far less than a column
 * each.
 */
final class RowText {

    private static final char NO_ROW = '-';

    private final String text;
    private int at;

    RowText(String text) {
        this.text = text;
    }

    boolean hasMore() {
        return at < text.length();
    }

    /**
     * Reads the next row.
     *
     * @param columns how many it has
     * @return its values, or null where there is no row
     */
    @Nullable
    String @Nullable [] next(int columns) {
        if (peek() == NO_ROW) {
            at++;
            return null;
        }
        expect('(');
        String[] values = new String[columns];
        for (int column = 0; column < columns; column++) {
            if (column > 0) {
                expect(',');
            }
            values[column] = value();
        }
        expect(')');
        return values;
    }

    /** A null is nothing at all; an empty text is a pair of quotes. */
    private @Nullable String value() {
        int from = at;
        if (peek() != '"') {
            while (peek() != ',' && peek() != ')') {
                at++;
            }
            return from == at ? null : text.substring(from, at);
        }
        at++;
        StringBuilder unescaped = null;
        from = at;
        while (true) {
            char c = peek();
            if (c == '"' && !(at + 1 < text.length() && text.charAt(at + 1) == '"')) {
                break;
            }
            if (c == '"' || c == '\\') {
                // Both are written twice, or behind a backslash.
                unescaped = unescaped == null ? new StringBuilder(text.length() - from) : unescaped;
                unescaped.append(text, from, at);
                at++;
                from = at;
            }
            at++;
        }
        String rest = text.substring(from, at);
        at++;
        return unescaped == null ? rest : unescaped.append(rest).toString();
    }

    /**
     * Reads a list of texts in the form of PostgreSQL's arrays.
     *
     * @throws IllegalStateException where it has more than one dimension, which no column of ours has
     */
    static String[] list(String text) {
        if (text.equals("{}")) {
            return new String[0];
        }
        RowText list = new RowText(text);
        List<String> elements = new ArrayList<>();
        char before = '{';
        do {
            list.expect(before);
            elements.add(list.element());
            before = ',';
        } while (list.peek() == ',');
        list.expect('}');
        if (list.hasMore()) {
            throw list.unexpected();
        }
        return elements.toArray(new String[0]);
    }

    private String element() {
        StringBuilder element = new StringBuilder();
        boolean quoted = peek() == '"';
        at += quoted ? 1 : 0;
        while (quoted ? peek() != '"' : peek() != ',' && peek() != '}') {
            if (peek() == '{') {
                if (!quoted) {
                    throw unexpected();
                }
            } else if (peek() == '\\') {
                at++;
            }
            element.append(peek());
            at++;
        }
        at += quoted ? 1 : 0;
        if (!quoted && (element.isEmpty() || element.toString().equalsIgnoreCase("NULL"))) {
            throw unexpected();
        }
        return element.toString();
    }

    private char peek() {
        if (at >= text.length()) {
            throw unexpected();
        }
        return text.charAt(at);
    }

    private void expect(char c) {
        if (peek() != c) {
            throw unexpected();
        }
        at++;
    }

    /** Not the text itself: it may hold what is nobody's business. */
    private IllegalStateException unexpected() {
        return new IllegalStateException("A row from the database is not written as expected, at character " + at);
    }
}
