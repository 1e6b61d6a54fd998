package io.llmdb.keys;

import io.llmdb.identity.Budget;
import io.llmdb.identity.EndUser;
import io.llmdb.identity.Tag;
import io.llmdb.identity.Team;
import io.llmdb.internal.ChangeFeed;
import io.llmdb.keys.Surroundings.Links;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Takes what changed out of the caches.
 *
 * <p>A caller is made of several rows. There is no index from each of them to what is kept: one pass over callers and
 * one over surroundings find those that a whole batch of changes concerns, at most once for each answer of the feed, in
 * about 50 ns for each. Surroundings go first: a caller that is made of them before that is not kept, since the epoch
 * of the callers ends after it.
 */
final class CallerInvalidation implements ChangeFeed.Listener {

    private final SurroundingsCache surroundings;
    private final FreshCache<KeyDigest, LoadedCaller> callers;
    private final FreshCache<String, EndUser> endUsers;
    private final FreshCache<String, Tag> tags;
    private final FreshCache<String, Budget> budgets;
    private final KeySetLoader keys;

    CallerInvalidation(
            SurroundingsCache surroundings,
            FreshCache<KeyDigest, LoadedCaller> callers,
            FreshCache<String, EndUser> endUsers,
            FreshCache<String, Tag> tags,
            FreshCache<String, Budget> budgets,
            KeySetLoader keys) {
        this.surroundings = surroundings;
        this.callers = callers;
        this.endUsers = endUsers;
        this.tags = tags;
        this.budgets = budgets;
        this.keys = keys;
    }

    @Override
    public void changed(List<ChangeFeed.Change> changes) {
        Map<String, Set<String>> ids = new HashMap<>();
        changes.forEach(change ->
                ids.computeIfAbsent(change.kind(), kind -> new HashSet<>()).add(change.objectId()));
        Changed changed = new Changed(
                ids.getOrDefault("key", Set.of()),
                ids.getOrDefault("team", Set.of()),
                ids.getOrDefault("user", Set.of()),
                ids.getOrDefault("organization", Set.of()),
                ids.getOrDefault("budget", Set.of()));
        if (changed.isAroundKeys()) {
            surroundings.removeIf(changed::concerns);
        }
        if (!changed.keys.isEmpty()) {
            List<KeyDigest> digests = new ArrayList<>();
            for (String hash : changed.keys) {
                KeyDigest digest = KeyDigest.ofHash(hash);
                if (digest != null) {
                    digests.add(digest);
                }
            }
            // First, so that no call takes a new key for an invented one after it was told.
            keys.add(digests);
            callers.remove(digests);
        }
        if (!changed.isEmpty()) {
            callers.removeIf(changed::concerns);
        }
        removeAll(endUsers, ids.get("end_user"));
        removeAll(tags, ids.get("tag"));
        removeAll(budgets, ids.get("budget"));
    }

    @Override
    public void everythingChanged() {
        keys.forget();
        surroundings.clear();
        callers.clear();
        endUsers.clear();
        tags.clear();
        budgets.clear();
    }

    private static void removeAll(FreshCache<String, ?> cache, @Nullable Set<String> ids) {
        if (ids != null) {
            cache.remove(ids);
        }
    }

    private record Changed(
            Set<String> keys, Set<String> teams, Set<String> users, Set<String> organizations, Set<String> budgets) {

        boolean isEmpty() {
            return keys.isEmpty() && !isAroundKeys();
        }

        boolean isAroundKeys() {
            return !teams.isEmpty() || !users.isEmpty() || !organizations.isEmpty() || !budgets.isEmpty();
        }

        boolean concerns(LoadedCaller loaded) {
            Caller caller = loaded.caller();
            return keys.contains(caller.key().hash())
                    || concerns(Links.of(caller.key()), caller.team(), caller.budgets());
        }

        boolean concerns(Links links, Surroundings surroundings) {
            return concerns(links, surroundings.team(), surroundings.budgets());
        }

        /** By the ids that rows name rather than by the rows, so that one that appears counts too. */
        private boolean concerns(Links links, @Nullable Team team, Map<String, Budget> linked) {
            return contains(teams, links.teamId())
                    || contains(users, links.userId())
                    || contains(organizations, links.organizationId())
                    || team != null && contains(organizations, team.spec().organizationId())
                    || contains(budgets, links.budgetId())
                    || !budgets.isEmpty() && linked.keySet().stream().anyMatch(budgets::contains);
        }

        private static boolean contains(Set<String> ids, @Nullable String id) {
            return id != null && ids.contains(id);
        }
    }
}
