package io.llmdb.audit;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Which changes are asked for. Conditions that are null let all through.
 *
 * @param table the objects' table, such as {@code LLM_TeamTable}; null: any
 * @param objectId the object's id; null: any
 * @param actorId who made the change; null: anybody
 * @param actorKeyHash the hash of the virtual key that it was asked for with; null: any or none
 * @param action what was done; null: anything
 * @param from the first instant, to the millisecond; null: since ever
 * @param before the first instant that counts no more, to the millisecond; null: until now
 */
public record AuditFilter(
        @Nullable String table,
        @Nullable String objectId,
        @Nullable String actorId,
        @Nullable String actorKeyHash,
        @Nullable AuditAction action,
        @Nullable Instant from,
        @Nullable Instant before) {

    private static final AuditFilter ALL = new AuditFilter(null, null, null, null, null, null, null);

    /** @return all changes */
    public static AuditFilter all() {
        return ALL;
    }

    /**
     * @param tableName the object's table, such as {@code LLM_TeamTable}
     * @param id its id; of a member: see {@link #ofMember}
     * @return the history of one object
     */
    public static AuditFilter of(String tableName, String id) {
        return new AuditFilter(tableName, id, null, null, null, null, null);
    }

    /**
     * @param tableName {@code LLM_TeamMembership} or {@code LLM_OrganizationMembership}
     * @param userId the user
     * @param parentId the team or organization
     * @return the history of one membership
     */
    public static AuditFilter ofMember(String tableName, String userId, String parentId) {
        return of(tableName, AuditTrail.objectId(userId, parentId));
    }

    /**
     * @param value the objects' table
     * @return a copy with it
     */
    public AuditFilter withTable(String value) {
        return new AuditFilter(value, objectId, actorId, actorKeyHash, action, from, before);
    }

    /**
     * @param value who made the change
     * @return a copy with it
     */
    public AuditFilter withActorId(String value) {
        return new AuditFilter(table, objectId, value, actorKeyHash, action, from, before);
    }

    /**
     * @param value the hash of the virtual key that the change was asked for with
     * @return a copy with it
     */
    public AuditFilter withActorKeyHash(String value) {
        return new AuditFilter(table, objectId, actorId, value, action, from, before);
    }

    /**
     * @param value what was done
     * @return a copy with it
     */
    public AuditFilter withAction(AuditAction value) {
        return new AuditFilter(table, objectId, actorId, actorKeyHash, value, from, before);
    }

    /**
     * @param first the first instant
     * @param end the first instant that counts no more
     * @return a copy with them
     */
    public AuditFilter within(Instant first, Instant end) {
        return new AuditFilter(table, objectId, actorId, actorKeyHash, action, first, end);
    }
}
