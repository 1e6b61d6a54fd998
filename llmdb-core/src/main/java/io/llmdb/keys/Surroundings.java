package io.llmdb.keys;

import io.llmdb.identity.Budget;
import io.llmdb.identity.Organization;
import io.llmdb.identity.OrganizationMembership;
import io.llmdb.identity.Team;
import io.llmdb.identity.TeamMembership;
import io.llmdb.identity.User;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A {@link Caller} without its key: the same for all keys with the same {@link Links}. */
record Surroundings(
        @Nullable Team team,
        @Nullable TeamMembership teamMembership,
        @Nullable User user,
        @Nullable Organization organization,
        @Nullable OrganizationMembership organizationMembership,
        Map<String, Budget> budgets) {

    /** What a key names. */
    record Links(
            @Nullable String userId,
            @Nullable String teamId,
            @Nullable String organizationId,
            @Nullable String budgetId) {

        static Links of(VirtualKey key) {
            VirtualKeySpec spec = key.spec();
            return new Links(spec.userId(), spec.teamId(), spec.organizationId(), spec.budgetId());
        }
    }

    static Surroundings of(Caller caller) {
        return new Surroundings(
                caller.team(),
                caller.teamMembership(),
                caller.user(),
                caller.organization(),
                caller.organizationMembership(),
                caller.budgets());
    }

    Caller callerWith(VirtualKey key) {
        return new Caller(key, team, teamMembership, user, organization, organizationMembership, budgets);
    }
}
