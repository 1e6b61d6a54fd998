package io.llmdb.identity;

import java.util.List;

/**
 * What the removal of a member from a team did.
 *
 * @param teamId the team
 * @param userId the user
 * @param keyHashes the hashes of the keys that the user held in the team, archived and deleted, sorted
 */
public record MembershipRemoval(String teamId, String userId, List<String> keyHashes) {

    /** Copies the list. */
    public MembershipRemoval {
        keyHashes = List.copyOf(keyHashes);
    }
}
