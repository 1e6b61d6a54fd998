package io.llmdb.audit;

import io.llmdb.internal.Json;
import io.llmdb.internal.SecretNames;
import java.math.BigDecimal;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.jooq.Field;
import org.jooq.JSONB;
import org.jooq.Record;
import org.jspecify.annotations.Nullable;

/** A row's values as the audit log keeps them: plain JSON, without secrets. */
final class AuditValues {

    static final String REDACTED = "***";

    /** Columns of which nothing is kept but that they have a value. */
    private static final Set<String> SECRET_COLUMNS = Set.of("password");

    /** JSON columns of which only the names are kept. */
    private static final Set<String> SECRET_OBJECTS = Set.of("llm_params");

    /** Names, in JSON, of values that are secrets whatever they look like. */
    private static final Pattern SECRET_NAME = Pattern.compile(
            "(^|[_-])(keys?|tokens?|passwd|bearer)$|api_?key|private_?key|access_?key|secret|password|credential"
                    + "|authorization|(access|auth|refresh|session|bearer)_?token");

    /** What a key looks like inside a longer text. */
    private static final Pattern SECRET_TEXT = Pattern.compile(
            "\\b(sk|pk|rk|xox[abpr]|ghp|gho|github_pat|glpat|hf|gsk|AKIA|ASIA|AIza|eyJ)[-_]?[A-Za-z0-9_.\\-]{12,}|(?i:bearer)\\s+[A-Za-z0-9._~+/=\\-]{8,}");

    private AuditValues() {}

    /** All columns of a row; null for no row. */
    static @Nullable Map<String, Object> all(@Nullable Record row) {
        return row == null ? null : changed(null, row);
    }

    /** The columns of {@code after} whose values differ from {@code before}; null where there is no row after. */
    static @Nullable Map<String, Object> changed(@Nullable Record before, @Nullable Record after) {
        if (after == null) {
            return null;
        }
        Map<String, Object> values = new LinkedHashMap<>();
        for (Field<?> field : after.fields()) {
            Object value = plain(after.get(field));
            if (before == null || !Objects.equals(value, plain(before.get(field)))) {
                put(values, field.getName(), redactedColumn(field.getName(), value));
            }
        }
        return values;
    }

    private static @Nullable Object plain(@Nullable Object value) {
        if (value instanceof JSONB json) {
            return Json.value(json.data());
        }
        if (value instanceof Object[] array) {
            return Arrays.asList(array);
        }
        if (value instanceof OffsetDateTime time) {
            return time.toInstant().toString();
        }
        if (value instanceof BigDecimal number) {
            return number.signum() == 0 ? BigDecimal.ZERO : number.stripTrailingZeros();
        }
        return value instanceof Number || value instanceof Boolean || value == null ? value : value.toString();
    }

    private static @Nullable Object redactedColumn(String column, @Nullable Object value) {
        if (value == null) {
            return null;
        }
        if (SECRET_COLUMNS.contains(column)) {
            return REDACTED;
        }
        if (SECRET_OBJECTS.contains(column) && value instanceof Map<?, ?> map) {
            Map<String, Object> names = new LinkedHashMap<>();
            map.keySet().forEach(name -> names.put(String.valueOf(name), REDACTED));
            return names;
        }
        return redacted(value);
    }

    private static @Nullable Object redacted(@Nullable Object value) {
        if (value instanceof String text) {
            return SECRET_TEXT.matcher(text).replaceAll(REDACTED);
        }
        if (value instanceof Map<?, ?> map) {
            Map<String, Object> copy = new LinkedHashMap<>();
            map.forEach((name, member) -> {
                String text = String.valueOf(name);
                put(
                        copy,
                        (String) Objects.requireNonNull(redacted(text)),
                        isSecret(text, member) ? REDACTED : redacted(member));
            });
            return copy;
        }
        if (value instanceof List<?> list) {
            List<Object> copy = new ArrayList<>();
            list.forEach(element -> add(copy, redacted(element)));
            return copy;
        }
        return value;
    }

    /** Numbers and switches called "tokens" are amounts, no secrets. */
    private static boolean isSecret(String name, @Nullable Object value) {
        return SecretNames.isSecret(name, value)
                || value != null
                        && !(value instanceof Number)
                        && !(value instanceof Boolean)
                        && SECRET_NAME.matcher(name.toLowerCase(Locale.ROOT)).find();
    }

    // A JSON null is an ordinary member of these collections, which the type Object cannot say.
    @SuppressWarnings("NullAway")
    private static void put(Map<String, Object> map, String name, @Nullable Object value) {
        map.put(name, value);
    }

    @SuppressWarnings("NullAway")
    private static void add(List<Object> list, @Nullable Object value) {
        list.add(value);
    }
}
