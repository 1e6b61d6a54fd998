package io.llmdb.litellm;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The text format of PostgreSQL's COPY. Fields that nobody looks into pass as they are, with their escapes. */
final class CopyText {

    static final String NULL = "\\N";

    private CopyText() {}

    /** The fields of a line, with their escapes. */
    static List<String> split(String line, int expected) {
        List<String> fields = new ArrayList<>(expected);
        int end = line.length();
        if (end > 0 && line.charAt(end - 1) == '\n') {
            end--;
        }
        int from = 0;
        for (int at = line.indexOf('\t'); at >= 0 && at < end; at = line.indexOf('\t', from)) {
            fields.add(line.substring(from, at));
            from = at + 1;
        }
        fields.add(line.substring(from, end));
        return fields;
    }

    static boolean isNull(String field) {
        return field.length() == 2 && field.equals(NULL);
    }

    /** The value without escapes; null for NULL. */
    static @Nullable String value(String field) {
        if (field.indexOf('\\') < 0) {
            return field;
        }
        if (isNull(field)) {
            return null;
        }
        StringBuilder value = new StringBuilder(field.length());
        for (int i = 0; i < field.length(); i++) {
            char c = field.charAt(i);
            if (c != '\\' || i + 1 == field.length()) {
                value.append(c);
                continue;
            }
            char escaped = field.charAt(++i);
            value.append(
                    switch (escaped) {
                        case 'b' -> '\b';
                        case 'f' -> '\f';
                        case 'n' -> '\n';
                        case 'r' -> '\r';
                        case 't' -> '\t';
                        case 'v' -> '\u000B';
                        default -> escaped;
                    });
        }
        return value.toString();
    }

    /** A value with escapes. */
    static String field(@Nullable String value) {
        if (value == null) {
            return NULL;
        }
        StringBuilder field = new StringBuilder(value.length() + 8);
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            switch (c) {
                case '\\' -> field.append("\\\\");
                case '\n' -> field.append("\\n");
                case '\r' -> field.append("\\r");
                case '\t' -> field.append("\\t");
                default -> field.append(c);
            }
        }
        return field.toString();
    }
}
