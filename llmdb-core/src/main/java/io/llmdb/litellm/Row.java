package io.llmdb.litellm;

import io.llmdb.common.BudgetDuration;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Json;
import io.llmdb.keys.KeyHash;
import io.llmdb.litellm.Tally.ValueFate;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One row on its way: the columns there, the columns here, and what became of each value. Each method takes one column
 * there over into one here.
 */
final class Row {

    /** Where in the metadata stands what has no place of its own. */
    static final String LEFTOVERS = "litellm_import";

    private static final Pattern HEX = Pattern.compile("[0-9a-fA-F]{64}");
    private static final Pattern WHOLE = Pattern.compile("-?[0-9]{1,18}");
    private static final int MAX_DIGITS = 30;
    private static final int MAX_SCALE = 60;

    /** What became of a value, and why. */
    record Outcome(ValueFate fate, String reason) {}

    private final Map<String, @Nullable String> there;
    private final Map<String, @Nullable Object> here = new LinkedHashMap<>();
    private final Map<String, Outcome> outcomes = new LinkedHashMap<>();
    private final Map<String, Object> leftovers = new LinkedHashMap<>();
    private @Nullable String skipReason;
    private @Nullable Counted counted;

    /** Begins the name of a value that was looked up beside the row's own columns. */
    static final String BESIDE = "#";

    /**
     * What the row's counter has.
     *
     * @param spend of the window there; null: unknown
     * @param total ever; null: as much as the window has
     * @param windowStart since when the counter counts here; null: ever
     * @param resetAt when that window ends; null: never
     * @param resetThere when the window there ends
     * @param over whether the window there is over, so that the one here is the next, and has what the log rows say
     */
    record Counted(
            @Nullable BigDecimal spend,
            @Nullable BigDecimal total,
            @Nullable Instant windowStart,
            @Nullable Instant resetAt,
            @Nullable Instant resetThere,
            boolean over) {

        /** What the counter here begins with. */
        BigDecimal opening() {
            return spend == null || over ? BigDecimal.ZERO : spend;
        }

        /** What was ever spent: at least what the window has. */
        BigDecimal lifetime() {
            BigDecimal ofWindow = spend == null ? BigDecimal.ZERO : spend;
            BigDecimal ever = total == null ? ofWindow : total.max(ofWindow);
            return ever.max(BigDecimal.ZERO);
        }
    }

    Row(Map<String, @Nullable String> there) {
        this.there = there;
    }

    // --- reading

    @Nullable
    String raw(String column) {
        return there.get(column);
    }

    String rawOr(String column, String absent) {
        String value = there.get(column);
        return value == null ? absent : value;
    }

    Map<String, @Nullable String> there() {
        return there;
    }

    Map<String, @Nullable Object> here() {
        return here;
    }

    Map<String, Outcome> outcomes() {
        return outcomes;
    }

    @Nullable
    Counted counted() {
        return counted;
    }

    void counted(Counted value) {
        counted = value;
    }

    @Nullable
    String skipReason() {
        return skipReason;
    }

    // --- what becomes of it

    void skip(String reason) {
        if (skipReason == null) {
            skipReason = reason;
        }
    }

    void put(String target, @Nullable Object value) {
        here.put(target, value);
    }

    void carried(String column) {
        mark(column, ValueFate.CARRIED, "");
    }

    void changed(String column, String reason) {
        mark(column, ValueFate.CHANGED, reason);
    }

    void left(String column, String reason) {
        mark(column, ValueFate.LEFT, reason);
    }

    private void mark(String column, ValueFate fate, String reason) {
        if (there.get(column) != null) {
            outcomes.put(column, new Outcome(fate, reason));
        }
    }

    /** Keeps a value that does not fit beside the row, where the row has metadata. */
    private void keepAside(String column, String reason) {
        String value = there.get(column);
        if (value != null) {
            boolean json = value.startsWith("{") || value.startsWith("[");
            Object parsed = json ? Json.value(value) : value;
            leftovers.put(column, parsed == null ? value : parsed);
            changed(column, reason);
        }
    }

    // --- one column each

    void text(String column) {
        text(column, column);
    }

    void text(String column, String target) {
        here.put(target, there.get(column));
        carried(column);
    }

    /** A text that may not be absent here. */
    void textOr(String column, String absent) {
        here.put(column, rawOr(column, absent));
        carried(column);
    }

    void flag(String column, @Nullable Boolean absent) {
        String value = there.get(column);
        here.put(column, value == null ? absent : (Object) value.startsWith("t"));
        carried(column);
    }

    /** A limit of money: nothing negative, nothing infinite. */
    void limit(String column) {
        String value = there.get(column);
        carried(column);
        here.put(column, null);
        if (value == null) {
            return;
        }
        BigDecimal amount = decimal(value);
        if (amount == null) {
            boolean blocks = value.startsWith("-");
            here.put(column, blocks ? BigDecimal.ZERO : null);
            changed(
                    column,
                    value + (blocks ? " lets nothing pass, as 0 does" : " never stops anything, as no limit does"));
        } else if (amount.signum() < 0) {
            here.put(column, BigDecimal.ZERO);
            changed(column, "a negative limit lets nothing pass, as 0 does");
        } else if (amount.precision() - amount.scale() > MAX_DIGITS) {
            changed(column, "more than 10^" + MAX_DIGITS + " never stops anything, as no limit does");
        } else if (amount.scale() > MAX_SCALE) {
            here.put(column, BigDecimal.ZERO);
            changed(column, "less than 10^-" + MAX_SCALE + " lets nothing pass, as 0 does");
        } else {
            here.put(column, amount);
        }
    }

    /** What a counter has; null where it says no number. */
    @Nullable
    BigDecimal spend(String column) {
        String value = there.get(column);
        if (value == null) {
            return null;
        }
        BigDecimal amount = decimal(value);
        if (amount == null || amount.precision() - amount.scale() > MAX_DIGITS || amount.scale() > 400) {
            changed(column, value + " is no amount: what the log rows add up to counts instead");
            return null;
        }
        carried(column);
        return amount;
    }

    static @Nullable BigDecimal decimal(String value) {
        char last = value.charAt(value.length() - 1);
        return last == 'N' || last == 'y' ? null : new BigDecimal(value);
    }

    /** A limit that is a whole number. */
    void wholeLimit(String column) {
        String value = there.get(column);
        carried(column);
        here.put(column, null);
        if (value == null) {
            return;
        }
        if (!WHOLE.matcher(value).matches()) {
            here.put(column, value.startsWith("-") ? 0 : null);
            changed(column, value + " is no whole number that fits");
        } else if (value.startsWith("-")) {
            here.put(column, 0);
            changed(column, "a negative limit lets nothing pass, as 0 does");
        } else {
            here.put(column, Long.valueOf(value));
        }
    }

    void count(String column) {
        String value = there.get(column);
        carried(column);
        boolean fits = value != null && WHOLE.matcher(value).matches() && !value.startsWith("-");
        here.put(column, fits ? Long.valueOf(rawOr(column, "0")) : 0L);
        if (value != null && !fits) {
            changed(column, "a count below 0 is 0");
        }
    }

    void duration(String column) {
        String value = there.get(column);
        carried(column);
        here.put(column, null);
        if (value == null) {
            return;
        }
        BudgetDuration duration = durationOf(value);
        if (duration == null) {
            if (value.isBlank() || value.equalsIgnoreCase("none") || value.equalsIgnoreCase("null")) {
                changed(column, "\"" + value + "\" is no duration, and means none");
            } else {
                keepAside(column, "no duration such as 30s, 12h, 7d or 1mo, so the budget has no windows");
            }
            return;
        }
        here.put(column, duration.toString());
        if (!duration.toString().equals(value)) {
            changed(column, "written as " + duration);
        }
    }

    static @Nullable BudgetDuration durationOf(@Nullable String value) {
        try {
            return BudgetDuration.parseOptional(
                    "duration", value == null ? null : value.strip().toLowerCase(Locale.ROOT));
        } catch (InvalidArgumentException e) {
            return null;
        }
    }

    /** A time stamp without zone, which is UTC. */
    void time(String column) {
        here.put(column, null);
        carried(column);
        String value = there.get(column);
        if (value != null) {
            String time = Times.utc(value);
            here.put(column, time);
            if (time == null) {
                changed(column, "\"" + value + "\" is no time that can be kept, so there is none");
            }
        }
    }

    /** A time stamp that may not be absent here. */
    void timeOr(String column, Instant absent) {
        time(column);
        here.computeIfAbsent(column, any -> absent.toString());
    }

    void texts(String column) {
        texts(column, column);
    }

    void texts(String column, String target) {
        List<Object> texts = new ArrayList<>();
        carried(column);
        String value = there.get(column);
        if (value != null && Json.value(value) instanceof List<?> list) {
            for (Object element : list) {
                if (element instanceof String text) {
                    texts.add(text);
                } else {
                    changed(column, "NULLs within the list are left out");
                }
            }
        }
        here.put(target, texts);
    }

    /** An object; one that is written as a text is unwrapped. */
    void object(String column, String target) {
        carried(column);
        here.put(target, objectOf(column));
    }

    Map<String, @Nullable Object> objectOf(String column) {
        String value = there.get(column);
        Object json = value == null ? null : Json.value(value);
        if (json instanceof String text && text.strip().startsWith("{")) {
            try {
                json = Json.value(text);
                changed(column, "an object that was written as a text");
            } catch (InvalidArgumentException e) {
                json = text;
            }
        }
        if (json instanceof Map<?, ?> map) {
            Map<String, @Nullable Object> object = new LinkedHashMap<>();
            map.forEach((name, member) -> object.put(String.valueOf(name), member));
            return object;
        }
        if (json != null && !json.equals(List.of()) && !json.equals("")) {
            keepAside(column, "JSON that is no object, so it is empty here");
        } else if (json != null) {
            changed(column, "empty");
        }
        return new LinkedHashMap<>();
    }

    /** Aliases: texts by text; what is something else is kept aside. */
    void textMap(String column, String target) {
        carried(column);
        Map<String, @Nullable Object> map = objectOf(column);
        if (map.values().removeIf(value -> !(value instanceof String))) {
            keepAside(column, "members that are no texts are left out");
        }
        here.put(target, map);
    }

    /** Budgets by model: what cannot be read as one is left out, because it could not be held. */
    void modelBudgets(String column) {
        carried(column);
        Map<String, @Nullable Object> budgets = objectOf(column);
        Map<String, Object> kept = new LinkedHashMap<>();
        budgets.forEach((model, budget) -> {
            Map<String, Object> limit = Limits.read(budget, "budget_limit", "time_period");
            if (limit != null) {
                kept.put(model, limit);
            }
        });
        if (kept.size() < budgets.size()) {
            keepAside(column, "entries that name no amount or no duration are left out");
        } else if (!kept.equals(budgets)) {
            changed(column, "written as {\"model\": {\"budget_limit\": amount, \"time_period\": duration}}");
        }
        here.put(column, kept);
    }

    /** Further windows. */
    void furtherWindows(String column) {
        carried(column);
        here.put(column, null);
        String value = there.get(column);
        Object json = value == null ? null : Json.value(value);
        if (json == null || json.equals(List.of()) || json.equals(Map.of())) {
            return;
        }
        List<Object> windows = new ArrayList<>();
        int given = 1;
        if (json instanceof List<?> list) {
            given = list.size();
            Set<Object> durations = new java.util.HashSet<>();
            for (Object entry : list) {
                Map<String, Object> limit = Limits.read(entry, "max_budget", "budget_duration");
                if (limit != null
                        && limit.containsKey("budget_duration")
                        && durations.add(limit.get("budget_duration"))) {
                    windows.add(limit);
                }
            }
        }
        if (windows.size() < given) {
            keepAside(column, "windows that name no amount or no duration are left out");
        } else if (!windows.equals(json)) {
            changed(column, "without the instants of their resets");
        }
        here.put(column, windows.isEmpty() ? null : windows);
    }

    /** A reference to a key: a hash as we write it. */
    @Nullable
    String keyHash(String column) {
        String value = there.get(column);
        carried(column);
        if (value == null || value.isEmpty()) {
            return value;
        }
        String hash = hashOf(value);
        if (!hash.equals(value)) {
            changed(column, value.startsWith("sk-") ? "a raw key: its hash is kept" : "written in lower case");
        }
        return hash;
    }

    /** The hash of a raw key; a hash in lower case; everything else as it is. */
    static String hashOf(String value) {
        if (value.startsWith("sk-")) {
            return KeyHash.of(value);
        }
        return HEX.matcher(value).matches() ? value.toLowerCase(Locale.ROOT) : value;
    }

    static boolean isHash(String value) {
        return HEX.matcher(value).matches();
    }

    /**
     * Ends the row: columns that nobody asked for are kept in the metadata, where the row has any.
     *
     * @param metadata the column here that takes them; null: they have no place
     */
    void rest(@Nullable String metadata) {
        there.forEach((column, value) -> {
            if (value == null || column.startsWith(BESIDE) || outcomes.containsKey(column)) {
                return;
            }
            if (isEmpty(value)) {
                left(column, "llmdb has no such column, and it is empty");
            } else if (metadata == null) {
                left(column, "llmdb has no such column");
            } else {
                keepAside(column, "llmdb has no such column: kept in " + metadata + "." + LEFTOVERS);
            }
        });
        if (!leftovers.isEmpty() && metadata != null && here.get(metadata) instanceof Map<?, ?> map) {
            Map<String, @Nullable Object> with = new LinkedHashMap<>();
            map.forEach((name, value) -> with.put(String.valueOf(name), value));
            with.put(LEFTOVERS, leftovers);
            here.put(metadata, with);
        }
    }

    private static boolean isEmpty(String value) {
        return switch (value) {
            case "", "{}", "[]", "false", "null", "0" -> true;
            default -> false;
        };
    }
}
