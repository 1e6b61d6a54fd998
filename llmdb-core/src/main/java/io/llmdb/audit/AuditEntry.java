package io.llmdb.audit;

import java.time.Instant;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One change, as the audit log keeps it. Secrets are left out of both rows.
 *
 * @param id its id; ids of later changes are greater
 * @param at when, to the millisecond, by the database's clock
 * @param actorId who made it; empty: unknown
 * @param actorKeyHash the hash of the virtual key that it was asked for with; empty: none
 * @param action what was done
 * @param table the object's table, such as {@code LLM_TeamTable}
 * @param objectId the object's id; of a member: the user, a slash, the team or organization
 * @param before all columns before, by name; null: there was no such object
 * @param after the columns that differ, with their new values; of a new object all; null: there is no such object any
 *     more
 */
public record AuditEntry(
        UUID id,
        Instant at,
        String actorId,
        String actorKeyHash,
        AuditAction action,
        String table,
        String objectId,
        @Nullable Map<String, Object> before,
        @Nullable Map<String, Object> after) {}
