package io.llmdb.move;

import java.util.Collection;
import java.util.stream.Collectors;

/** Names and texts in SQL. */
final class Names {

    private Names() {}

    static String quoted(String identifier) {
        return '"' + identifier.replace("\"", "\"\"") + '"';
    }

    static String literal(String text) {
        return '\'' + text.replace("'", "''") + '\'';
    }

    static String list(Collection<String> identifiers) {
        return identifiers.stream().map(Names::quoted).collect(Collectors.joining(", "));
    }
}
