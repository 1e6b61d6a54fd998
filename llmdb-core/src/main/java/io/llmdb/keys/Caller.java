package io.llmdb.keys;

import io.llmdb.identity.Budget;
import io.llmdb.identity.Organization;
import io.llmdb.identity.OrganizationMembership;
import io.llmdb.identity.Team;
import io.llmdb.identity.TeamMembership;
import io.llmdb.identity.User;
import io.llmdb.internal.Wildcard;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Who calls, with all that the steps after authentication need. What is spent is as of when the rows were read, at most
 * {@code caller_cache_age} ago; limits and lists are at most a second old.
 *
 * @param key the virtual key
 * @param team the key's team; null: a personal key
 * @param teamMembership the user's membership in the team; null: there is no team, no user, or the user is no member
 * @param user the key's user, without its password; null: the key is nobody's, or the user has no row
 * @param organization the key's organization, otherwise its team's; null: none
 * @param organizationMembership the user's membership in the organization; null: there is none
 * @param budgets the budget rows that the key, the memberships and the organization link, by id
 */
public record Caller(
        VirtualKey key,
        @Nullable Team team,
        @Nullable TeamMembership teamMembership,
        @Nullable User user,
        @Nullable Organization organization,
        @Nullable OrganizationMembership organizationMembership,
        Map<String, Budget> budgets) {

    private static final Pattern STEPS =
            Pattern.compile("(^|/)(\\.|%2e){1,2}(/|;|%3b|$)|%2f|%5c|\\\\", Pattern.CASE_INSENSITIVE);

    /** Copies the map. */
    public Caller {
        budgets = Map.copyOf(budgets);
    }

    /**
     * A linked budget row.
     *
     * @param id its id, or null
     * @return the row; null for null, or where none of the caller's parts links it
     */
    public @Nullable Budget budget(@Nullable String id) {
        return id == null ? null : budgets.get(id);
    }

    /** @return whether the key works for no team */
    public boolean isPersonal() {
        return key.spec().teamId() == null;
    }

    /**
     * Lets a route pass that the key may call: every one where it has no list, otherwise those that stand in it or
     * match a pattern such as {@code /keys/*}. A path with {@code .} or {@code ..} steps, encoded or not, matches no
     * pattern, since it may lead elsewhere.
     *
     * @param route the path that is called, without query
     * @throws RouteNotAllowedException where it may not
     */
    public void requireRoute(String route) {
        List<String> allowed = key.spec().allowedRoutes();
        if (allowed.isEmpty() || allowed.contains(route)) {
            return;
        }
        boolean plain = !STEPS.matcher(route).find();
        if (!plain || allowed.stream().noneMatch(pattern -> Wildcard.matches(pattern, route))) {
            throw new RouteNotAllowedException(
                    "The virtual key " + LoadedCaller.name(key) + " may not call " + route + "; its allowed_routes are "
                            + allowed,
                    route,
                    allowed);
        }
    }
}
