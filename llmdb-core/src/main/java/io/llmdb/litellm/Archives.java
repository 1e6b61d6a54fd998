package io.llmdb.litellm;

import io.llmdb.internal.Ids;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Archives of deleted keys and teams: the whole row as it was, in our columns. */
final class Archives {

    private final Entities entities;
    private final Instant now;

    Archives(Entities entities, Instant now) {
        this.entities = entities;
        this.now = now;
    }

    List<Entity> all() {
        return List.of(
                archive(
                        "LiteLLM_DeletedVerificationToken",
                        "LLM_DeletedVerificationToken",
                        List.of(
                                "id",
                                "token",
                                "key_alias",
                                "user_id",
                                "team_id",
                                "organization_id",
                                "total_spend",
                                "reason",
                                "key_row",
                                "deleted_at",
                                "deleted_by",
                                "deleted_by_api_key"),
                        "key_row",
                        entities::archivedKey),
                archive(
                        "LiteLLM_DeletedTeamTable",
                        "LLM_DeletedTeamTable",
                        List.of(
                                "id",
                                "team_id",
                                "team_alias",
                                "organization_id",
                                "total_spend",
                                "team_row",
                                "deleted_at",
                                "deleted_by",
                                "deleted_by_api_key"),
                        "team_row",
                        entities::archivedTeam));
    }

    private Entity archive(
            String source, String target, List<String> columns, String wholeRow, Consumer<Row> translator) {
        return new Entity(source, target, List.of("id"), columns, null, List.of(), Set.of(), Map.of(), row -> {
            translator.accept(row);
            row.time("deleted_at");
            row.textOr("deleted_by", "");
            String deletingKey = row.keyHash("deleted_by_api_key");
            row.carried("id");
            Map<String, @Nullable Object> archived = new LinkedHashMap<>();
            Map<String, @Nullable Object> own = new LinkedHashMap<>();
            row.here().forEach((column, value) -> {
                if (!column.startsWith("deleted_")) {
                    archived.put(column, value);
                }
                if (columns.contains(column)) {
                    own.put(column, value);
                }
            });
            row.there().forEach((column, value) -> {
                if (value != null
                        && !column.startsWith(Row.BESIDE)
                        && !row.outcomes().containsKey(column)) {
                    archived.put(column, value);
                    row.changed(column, "llmdb has no such column: kept in " + wholeRow);
                }
            });
            own.put(wholeRow, archived);
            own.put("reason", "deleted");
            own.put("deleted_by_api_key", deletingKey == null ? "" : deletingKey);
            own.putIfAbsent("deleted_at", now.toString());
            own.put("id", id(row.rawOr("id", "")).toString());
            row.here().clear();
            row.here().putAll(own);
        });
    }

    /** The same id, where it is a UUID; otherwise one that follows from it. */
    static UUID id(String id) {
        try {
            return UUID.fromString(id);
        } catch (IllegalArgumentException e) {
            ByteBuffer digest = ByteBuffer.wrap(HexFormat.of().parseHex(EntityWriter.digest("archive " + id)));
            return Ids.derived(Instant.EPOCH, digest.getLong(), digest.getLong());
        }
    }
}
