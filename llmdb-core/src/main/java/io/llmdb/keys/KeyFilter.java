package io.llmdb.keys;

import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Arguments;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Which keys are listed; what is null does not matter.
 *
 * @param userId whose
 * @param teamId of which team
 * @param organizationId of which organization; a key of its teams counts only where it names the organization itself
 * @param aliasPart a part of the alias, whatever its case
 * @param blocked whether blocked
 * @param expired whether expired, by the database's clock
 * @param createdFrom made at this instant or later
 * @param createdBefore made before this instant
 */
public record KeyFilter(
        @Nullable String userId,
        @Nullable String teamId,
        @Nullable String organizationId,
        @Nullable String aliasPart,
        @Nullable Boolean blocked,
        @Nullable Boolean expired,
        @Nullable Instant createdFrom,
        @Nullable Instant createdBefore) {

    /** All keys. */
    public static final KeyFilter ALL = new KeyFilter(null, null, null, null, null, null, null, null);

    /**
     * Checks.
     *
     * @throws InvalidArgumentException where a text holds a NUL character
     */
    public KeyFilter {
        Arguments.optionalText("user_id", userId);
        Arguments.optionalText("team_id", teamId);
        Arguments.optionalText("organization_id", organizationId);
        Arguments.optionalText("key_alias", aliasPart);
    }

    /**
     * @param id a user's id
     * @return the same, of this user only
     */
    public KeyFilter ofUser(String id) {
        return new KeyFilter(id, teamId, organizationId, aliasPart, blocked, expired, createdFrom, createdBefore);
    }

    /**
     * @param id a team's id
     * @return the same, of this team only
     */
    public KeyFilter ofTeam(String id) {
        return new KeyFilter(userId, id, organizationId, aliasPart, blocked, expired, createdFrom, createdBefore);
    }

    /**
     * @param id an organization's id
     * @return the same, of this organization only
     */
    public KeyFilter ofOrganization(String id) {
        return new KeyFilter(userId, teamId, id, aliasPart, blocked, expired, createdFrom, createdBefore);
    }

    /**
     * @param part a part of the alias, whatever its case
     * @return the same, with such an alias only
     */
    public KeyFilter withAliasLike(String part) {
        return new KeyFilter(userId, teamId, organizationId, part, blocked, expired, createdFrom, createdBefore);
    }

    /**
     * @param value whether blocked
     * @return the same, blocked or not blocked only
     */
    public KeyFilter withBlocked(boolean value) {
        return new KeyFilter(userId, teamId, organizationId, aliasPart, value, expired, createdFrom, createdBefore);
    }

    /**
     * @param value whether expired
     * @return the same, expired or not expired only
     */
    public KeyFilter withExpired(boolean value) {
        return new KeyFilter(userId, teamId, organizationId, aliasPart, blocked, value, createdFrom, createdBefore);
    }

    /**
     * @param from the first instant; null: any
     * @param before the first instant that is too late; null: any
     * @return the same, made in this time only
     */
    public KeyFilter createdIn(@Nullable Instant from, @Nullable Instant before) {
        return new KeyFilter(userId, teamId, organizationId, aliasPart, blocked, expired, from, before);
    }
}
