package io.llmdb.move;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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
     */
    private record Relation(String name, List<Integer> key) {}

    private final Function<String, @Nullable List<String>> keyColumns;
    private final IntPredicate isSeen;
    private final ChangedKeys changes;
    private final Map<Integer, Relation> relations = new HashMap<>();
    private byte[] message = {};
    private boolean seen;
    private boolean cut;
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

    void read(byte[] next) {
        message = next;
        ByteBuffer in = ByteBuffer.wrap(next);
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
                if (seen) {
                    Relation relation = relation(in.getInt());
                    in.get();
                    row(relation, in);
                }
            }
            case 'U' -> {
                if (seen) {
                    update(relation(in.getInt()), in);
                }
            }
            case 'T' -> {
                int number = in.getInt();
                in.get();
                for (int i = 0; i < number && seen; i++) {
                    changes.addAll(relation(in.getInt()).name());
                }
            }
            default -> {
                // Types and origins, which change nothing.
            }
        }
    }

    private void update(Relation relation, ByteBuffer in) {
        cut = false;
        if (in.get() != 'N') {
            row(relation, in);
            if (cut || in.remaining() < 3) {
                changes.addAll(relation.name());
                return;
            }
            in.get();
        }
        row(relation, in);
    }

    private Relation relation(int id) {
        Relation relation = relations.get(id);
        if (relation == null) {
            throw new MoveException(
                    "The source's write-ahead log tells of a table that it has not announced: call again,"
                            + " or follow by row versions");
        }
        return relation;
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
                    id, new Relation(name, key.stream().map(columns::indexOf).toList()));
        }
    }

    /** Reads the key of a row, as far as the message goes; whatever is behind the key is passed over. */
    private void row(Relation relation, ByteBuffer in) {
        @Nullable String[] key = new String[relation.key().size()];
        int columns = in.getShort();
        for (int i = 0; i < columns; i++) {
            if (!in.hasRemaining()) {
                cut = true;
                break;
            }
            if (in.get() == 't') {
                int length = in.remaining() < 4 ? Integer.MAX_VALUE : in.getInt();
                if (in.remaining() < length) {
                    cut = true;
                    break;
                }
                int place = relation.key().indexOf(i);
                if (place >= 0) {
                    key[place] = new String(message, in.position(), length, StandardCharsets.UTF_8);
                }
                in.position(in.position() + length);
            }
        }
        List<String> values = new ArrayList<>(key.length);
        for (String value : key) {
            if (value == null) {
                // Behind where the message was cut; or stored apart from its row, and not repeated when the row
                // changes.
                changes.addAll(relation.name());
                return;
            }
            values.add(value);
        }
        changes.add(relation.name(), List.copyOf(values));
    }

    private String text(ByteBuffer in) {
        int start = in.position();
        while (in.get() != 0) {
            // up to the end of the name
        }
        return new String(message, start, in.position() - 1 - start, StandardCharsets.UTF_8);
    }
}
