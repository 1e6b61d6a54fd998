package io.llmdb.spend;

import io.llmdb.internal.Sql;
import io.llmdb.internal.Tx;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What becomes of calls that were admitted under a key's hash and are booked after a rotation gave the key another one:
 * they are booked under the new hash, on the counters that went with it, and taken from what was leased for them under
 * the old one.
 */
final class ReplacedKeys {

    /** The migrations' own SQLSTATE: a key of the batch has another hash by now. */
    static final String SQL_STATE = "LD004";

    private static final String READ = """
            SELECT token, active_token_id FROM ${llmdb}."LLM_DeprecatedVerificationToken" WHERE token = ANY (?::text[])""";

    private final String read;

    ReplacedKeys(Sql sql) {
        this.read = sql.of(READ);
    }

    /** The hashes of the events' keys that were replaced, with those that hold now. */
    Map<String, String> ofEvents(Tx tx, List<SpendEvent> events) throws SQLException {
        return of(tx, events.stream().map(SpendEvent::keyHash).distinct().toList());
    }

    /** Those of the hashes that were replaced, with those that hold now. */
    Map<String, String> of(Tx tx, List<String> hashes) throws SQLException {
        if (hashes.isEmpty()) {
            return Map.of();
        }
        Map<String, String> replaced = new HashMap<>();
        try (PreparedStatement statement = tx.connection().prepareStatement(read)) {
            statement.setArray(1, tx.connection().createArrayOf("text", hashes.toArray()));
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    replaced.put(rows.getString(1), rows.getString(2));
                }
            }
        }
        return replaced;
    }

    /** The events as they are booked. */
    static List<SpendEvent> underNewHashes(List<SpendEvent> events, Map<String, String> replaced) {
        if (replaced.isEmpty()) {
            return events;
        }
        return events.stream()
                .map(event -> {
                    String hash = replaced.get(event.keyHash());
                    return hash == null ? event : event.underKey(hash);
                })
                .toList();
    }
}
