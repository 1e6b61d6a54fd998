package io.llmdb.identity;

import java.util.List;
import java.util.UUID;

/**
 * What the deletion of a team did.
 *
 * @param teamId the team
 * @param keyHashes the hashes of its keys, all archived and deleted, sorted
 * @param memberIds the users who were members, sorted
 * @param budgetsDeleted how many budget rows of members' own were deleted
 * @param archiveId the id of the team's row in {@code "LLM_DeletedTeamTable"}
 */
public record TeamDeletion(
        String teamId, List<String> keyHashes, List<String> memberIds, int budgetsDeleted, UUID archiveId) {

    /** Copies the lists. */
    public TeamDeletion {
        keyHashes = List.copyOf(keyHashes);
        memberIds = List.copyOf(memberIds);
    }
}
