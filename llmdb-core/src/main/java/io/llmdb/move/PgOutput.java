package io.llmdb.move;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Reads what PostgreSQL's own output plugin writes, version 1 of its protocol: of each row that a transaction changed,
 * the key. Transactions come in the order of their commits.
 */
final class PgOutput {

    /**
     * A table as the stream announces it.
     *
     * @param name its name
     * @param key the places of its key's columns, in the key's order
     * @param columns how many columns it has
     */
    private record Relation(String name, List<Integer> key, int columns) {}

    private final Function<String, @Nullable List<String>> keyColumns;
    private final IntPredicate isSeen;
    private final ChangedKeys changes;
    private final Map<Integer, Relation> relations = new HashMap<>();
    private boolean seen;
    private boolean gap;
    private long seenUpTo;

    /**
     * @param keyColumns the key's columns of a table; null for partitions, which are announced beside the table that
     *     their changes are told of
     * @param isSeen whether the snapshot that rows will be read from sees a transaction; of others nothing is noted
     * @param changes takes the keys
     */
    PgOutput(Function<String, @Nullable List<String>> keyColumns, IntPredicate isSeen, ChangedKeys changes) {
        this.keyColumns = keyColumns;
        this.isSeen = isSeen;
        this.changes = changes;
    }

    /** Whether a transaction came that is not seen. */
    boolean hasGap() {
        return gap;
    }

    /** Where the last transaction ends before the first one that is not seen; 0: there is none. */
    long seenUpTo() {
        return seenUpTo;
    }

    void read(byte[] message) {
        ByteBuffer in = ByteBuffer.wrap(message);
        switch (in.get()) {
            case 'B' -> {
                in.getLong();
                in.getLong();
                seen = isSeen.test(in.getInt());
                gap |= !seen;
            }
            case 'C' -> {
                in.get();
                in.getLong();
                if (!gap) {
                    seenUpTo = in.getLong();
                }
            }
            case 'R' -> relation(in);
            case 'I', 'D' -> {
                Relation relation = relation(in.getInt());
                in.get();
                row(relation, in);
            }
            case 'U' -> {
                Relation relation = relation(in.getInt());
                if (in.get() != 'N') {
                    row(relation, in);
                    in.get();
                }
                row(relation, in);
            }
            case 'T' -> {
                int number = in.getInt();
                in.get();
                for (int i = 0; i < number; i++) {
                    Relation relation = relation(in.getInt());
                    if (seen) {
                        changes.addAll(relation.name());
                    }
                }
            }
            default -> {
                // Types and origins, which change nothing.
            }
        }
    }

    private Relation relation(int id) {
        return Objects.requireNonNull(relations.get(id), "a change of a table that was not announced");
    }

    private void relation(ByteBuffer in) {
        int id = in.getInt();
        text(in);
        String name = text(in);
        in.get();
        List<String> columns = new ArrayList<>();
        for (int left = in.getShort(); left > 0; left--) {
            in.get();
            columns.add(text(in));
            in.getInt();
            in.getInt();
        }
        List<String> key = keyColumns.apply(name);
        if (key != null) {
            relations.put(
                    id, new Relation(name, key.stream().map(columns::indexOf).toList(), columns.size()));
        }
    }

    private void row(Relation relation, ByteBuffer in) {
        int columns = in.getShort();
        @Nullable String[] values = new String[Math.max(columns, relation.columns())];
        for (int i = 0; i < columns; i++) {
            if (in.get() == 't') {
                int length = in.getInt();
                values[i] = new String(in.array(), in.position(), length, StandardCharsets.UTF_8);
                in.position(in.position() + length);
            }
        }
        if (!seen) {
            return;
        }
        List<String> key = new ArrayList<>(relation.key().size());
        for (int place : relation.key()) {
            String value = place < 0 ? null : values[place];
            if (value == null) {
                // A key so long that it is stored apart from its row is not repeated when the row changes.
                changes.addAll(relation.name());
                return;
            }
            key.add(value);
        }
        changes.add(relation.name(), List.copyOf(key));
    }

    private static String text(ByteBuffer in) {
        int start = in.position();
        while (in.get() != 0) {
            // up to the end of the name
        }
        return new String(in.array(), start, in.position() - 1 - start, StandardCharsets.UTF_8);
    }
}
