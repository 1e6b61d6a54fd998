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

    private final int most;
    private final Map<String, Set<List<String>>> byTable = new HashMap<>();
    private final Set<String> beyond = new HashSet<>();
    private int held;

    /** @param most how many keys it holds at most */
    ChangedKeys(int most) {
        this.most = most;
    }

    void add(String table, List<String> key) {
        if (!beyond.contains(table)
                && byTable.computeIfAbsent(table, name -> new LinkedHashSet<>()).add(key)
                && ++held > most) {
            addAll(largest());
        }
    }

    /** Any row of the table may have changed. */
    void addAll(String table) {
        Set<List<String>> given = byTable.remove(table);
        held -= given == null ? 0 : given.size();
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
