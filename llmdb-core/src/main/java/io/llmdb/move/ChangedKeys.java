package io.llmdb.move;

import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which rows have changed, by table and key. Bounded: of a table that has too many, it only knows that they are too
 * many, and the pass asks the rows themselves.
 */
final class ChangedKeys {

    /** What a key takes in memory beside its characters, about. */
    private static final int EACH = 120;

    private final long most;
    private final Map<String, Set<List<String>>> byTable = new HashMap<>();
    private final Set<String> beyond = new HashSet<>();
    private long held;

    /** @param most how many bytes its keys take at most, about */
    ChangedKeys(long most) {
        this.most = most;
    }

    void add(String table, List<String> key) {
        if (!beyond.contains(table)
                && byTable.computeIfAbsent(table, name -> new LinkedHashSet<>()).add(key)) {
            held += size(key);
            if (held > most) {
                addAll(largest());
            }
        }
    }

    private static long size(List<String> key) {
        long size = EACH;
        for (String value : key) {
            size += 48 + value.length();
        }
        return size;
    }

    /** Any row of the table may have changed. */
    void addAll(String table) {
        Set<List<String>> given = byTable.remove(table);
        if (given != null) {
            held -= given.stream().mapToLong(ChangedKeys::size).sum();
        }
        beyond.add(table);
    }

    private String largest() {
        return byTable.entrySet().stream()
                .max(Map.Entry.comparingByValue((one, other) -> Integer.compare(one.size(), other.size())))
                .orElseThrow()
                .getKey();
    }

    /** The keys of a table, each a value for each of its columns, as text; null: any row may have changed. */
    @Nullable
    Collection<List<String>> of(String table) {
        return beyond.contains(table) ? null : byTable.getOrDefault(table, Set.of());
    }
}
