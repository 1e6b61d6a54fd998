package io.llmdb.tests.models;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.common.BudgetTerms;
import io.llmdb.common.SpendState;
import io.llmdb.identity.Budget;
import io.llmdb.identity.BudgetSpec;
import io.llmdb.identity.Organization;
import io.llmdb.identity.OrganizationMembership;
import io.llmdb.identity.OrganizationMembershipSpec;
import io.llmdb.identity.OrganizationSpec;
import io.llmdb.identity.Team;
import io.llmdb.identity.TeamMembership;
import io.llmdb.identity.TeamMembershipSpec;
import io.llmdb.identity.TeamRole;
import io.llmdb.identity.TeamSpec;
import io.llmdb.identity.User;
import io.llmdb.identity.UserSpec;
import io.llmdb.keys.Caller;
import io.llmdb.keys.RouteNotAllowedException;
import io.llmdb.keys.VirtualKey;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.models.ModelAccess;
import io.llmdb.models.ModelList;
import io.llmdb.models.ModelNames;
import io.llmdb.models.ModelNotAllowedException;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.regex.Pattern;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.jspecify.annotations.Nullable;

/**
 * Model access against a model of itself that is as simple as the rules are: every list in its order, every entry a
 * regular expression. Worlds are drawn from few names, so that lists, aliases and providers meet often.
 */
class ModelAccessPropertyTest {

    private static final Instant T = Instant.EPOCH;
    private static final SpendState NOTHING = new SpendState(BigDecimal.ZERO, BigDecimal.ZERO, null, null);
    private static final List<String> MODELS = List.of(
            "gpt-4o",
            "gpt-4.1",
            "gpt-4x1",
            "claude",
            "openai/gpt-4o",
            "anthropic/claude",
            "best",
            "x*y",
            "all-team-models");
    private static final List<String> ENTRIES = List.of(
            "gpt-4o",
            "gpt-4.1",
            "claude",
            "best",
            "*",
            "openai/*",
            "anthropic/*",
            "*/claude",
            "gpt-4.*",
            "gpt-4*1",
            "*4*",
            "bedrock/cl*de",
            "openai/gpt-4o",
            "(gpt",
            "all-proxy-models",
            "all-team-models",
            "no-default-models");
    private static final Map<String, Set<String>> PROVIDERS = Map.of(
            "gpt-4o", Set.of("openai", "azure"), "claude", Set.of("anthropic", "bedrock"), "best", Set.of("openai"));

    /** What a call meets: a caller, the stored models that are blocked, the model that is sent. */
    private record World(Caller caller, Set<String> blocked, String sent) {

        static World of(Random random) {
            Map<String, Budget> budgets = new HashMap<>();
            boolean hasTeam = random.nextBoolean();
            boolean hasUser = random.nextInt(3) > 0;
            boolean hasOrganization = random.nextBoolean();
            VirtualKeySpec key = VirtualKeySpec.of("k")
                    .withModels(list(random))
                    .withAliases(aliases(random))
                    .withBudgetId(budget(random, budgets, "key"))
                    .withTeamId(hasTeam ? "t" : null);
            Team team = !hasTeam
                    ? null
                    : new Team(
                            "t",
                            TeamSpec.of("t").withModels(list(random)).withModelAliases(aliases(random)),
                            NOTHING,
                            T,
                            T);
            TeamMembership membership = !hasTeam || !hasUser || random.nextInt(3) == 0
                    ? null
                    : new TeamMembership(
                            "t",
                            "u",
                            TeamMembershipSpec.of(TeamRole.USER).withBudgetId(budget(random, budgets, "member")),
                            NOTHING,
                            T);
            User user = !hasUser
                    ? null
                    : new User("u", UserSpec.of("u@example.org").withModels(list(random)), NOTHING, List.of(), T, T);
            Organization organization = !hasOrganization
                    ? null
                    : new Organization(
                            "o",
                            OrganizationSpec.of("o")
                                    .withModels(list(random))
                                    .withBudgetId(budget(random, budgets, "organization")),
                            NOTHING,
                            T,
                            "",
                            T,
                            "");
            OrganizationMembership organizationMembership = !hasOrganization || !hasUser || random.nextInt(3) == 0
                    ? null
                    : new OrganizationMembership(
                            "o",
                            "u",
                            OrganizationMembershipSpec.of("member")
                                    .withBudgetId(budget(random, budgets, "organization member")),
                            NOTHING,
                            T,
                            T);
            Caller caller = new Caller(
                    new VirtualKey("h", null, key, NOTHING, 0, null, null, null, T, "", T, ""),
                    team,
                    membership,
                    user,
                    organization,
                    organizationMembership,
                    budgets);
            Set<String> blocked = random.nextInt(4) == 0 ? Set.of(one(MODELS, random)) : Set.of();
            return new World(caller, blocked, one(MODELS, random));
        }

        private static List<String> list(Random random) {
            List<String> list = new ArrayList<>();
            for (int i = random.nextInt(4); i > 0; i--) {
                list.add(one(ENTRIES, random));
            }
            return list;
        }

        private static Map<String, String> aliases(Random random) {
            return random.nextBoolean() ? Map.of() : Map.of(one(MODELS, random), one(MODELS, random));
        }

        private static @Nullable String budget(Random random, Map<String, Budget> budgets, String id) {
            if (random.nextBoolean()) {
                return null;
            }
            budgets.put(
                    id,
                    new Budget(
                            id,
                            BudgetSpec.of(BudgetTerms.UNLIMITED).withAllowedModels(list(random)),
                            null,
                            null,
                            T,
                            "",
                            T,
                            ""));
            return id;
        }

        private static <X> X one(List<X> among, Random random) {
            return among.get(random.nextInt(among.size()));
        }

        ModelAccess access() {
            return new ModelAccess(new ModelNames() {
                @Override
                public Set<String> providersOf(String name) {
                    return PROVIDERS.getOrDefault(name, Set.of());
                }

                @Override
                public boolean isBlocked(String name) {
                    return blocked.contains(name);
                }
            });
        }
    }

    /** The rules, word by word. */
    private static final class Reference {

        private final World world;
        private final Caller caller;
        private final String meant;

        Reference(World world) {
            this.world = world;
            this.caller = world.caller();
            String ofKey = caller.key().spec().aliases().get(world.sent());
            String ofTeam = caller.team() == null
                    ? null
                    : caller.team().spec().modelAliases().get(world.sent());
            this.meant = ofKey != null ? ofKey : ofTeam != null ? ofTeam : world.sent();
        }

        /** The first list that refuses; null: none does. */
        @Nullable
        ModelList refusal() {
            if (world.blocked().contains(meant)) {
                return ModelList.STORED_MODELS;
            }
            List<String> ofKey = caller.key().spec().models();
            boolean byTeam = ofKey.contains("all-team-models")
                    && caller.team() != null
                    && passes(caller.team().spec().models());
            if (!passes(ofKey) && !byTeam) {
                return ModelList.KEY;
            }
            if (!budgetPasses(caller.key().spec().budgetId())) {
                return ModelList.KEY_BUDGET;
            }
            if (caller.team() != null && !passes(caller.team().spec().models())) {
                return ModelList.TEAM;
            }
            if (caller.teamMembership() != null
                    && !budgetPasses(caller.teamMembership().spec().budgetId())) {
                return ModelList.TEAM_MEMBER;
            }
            if (caller.user() != null && caller.key().spec().teamId() == null) {
                List<String> ofUser = caller.user().spec().models();
                if (ofUser.contains("no-default-models") || !passes(ofUser)) {
                    return ModelList.USER;
                }
            }
            if (caller.organization() != null) {
                if (!passes(caller.organization().spec().models())) {
                    return ModelList.ORGANIZATION;
                }
                if (!budgetPasses(caller.organization().spec().budgetId())) {
                    return ModelList.ORGANIZATION_BUDGET;
                }
            }
            if (caller.organizationMembership() != null
                    && !budgetPasses(caller.organizationMembership().spec().budgetId())) {
                return ModelList.ORGANIZATION_MEMBER;
            }
            return null;
        }

        private boolean budgetPasses(@Nullable String id) {
            Budget budget = id == null ? null : caller.budgets().get(id);
            return budget == null || passes(budget.spec().allowedModels());
        }

        private boolean passes(List<String> list) {
            return list.isEmpty() || list.stream().anyMatch(this::matches);
        }

        private boolean matches(String entry) {
            if (entry.equals("all-proxy-models") || entry.equals(meant)) {
                return true;
            }
            return entry.contains("*")
                    && (regex(entry, meant)
                            || PROVIDERS.getOrDefault(meant, Set.of()).stream()
                                    .anyMatch(provider -> regex(entry, provider + "/" + meant)));
        }
    }

    private static boolean regex(String pattern, String text) {
        StringBuilder regex = new StringBuilder();
        for (String part : pattern.split("\\*", -1)) {
            regex.append(regex.isEmpty() ? "" : ".*").append(Pattern.quote(part));
        }
        return Pattern.compile(regex.toString(), Pattern.DOTALL).matcher(text).matches();
    }

    @Property(tries = 20_000)
    void theFirstListThatRefusesIsNamed(@ForAll long seed) {
        World world = World.of(new Random(seed));
        Reference reference = new Reference(world);
        ModelList expected = reference.refusal();
        String meant = null;
        ModelList refusing = null;
        List<String> allowed = List.of();
        try {
            meant = world.access().resolve(world.caller(), world.sent());
        } catch (ModelNotAllowedException e) {
            refusing = e.list();
            allowed = e.allowed();
            assertThat(e.model()).isEqualTo(reference.meant);
            assertThat(e).hasMessageContaining(reference.meant);
        }
        assertThat(refusing).as(() -> world.toString()).isEqualTo(expected);
        if (expected == null) {
            assertThat(meant).isEqualTo(reference.meant);
        } else if (expected != ModelList.STORED_MODELS) {
            assertThat(allowed).isNotEmpty();
        }
        assertThat(world.access().allows(world.caller(), world.sent())).isEqualTo(expected == null);
        assertThat(world.access().allowed(world.caller(), List.of(world.sent())))
                .isEqualTo(expected == null ? List.of(world.sent()) : List.of());
    }

    @Property(tries = 5_000)
    void routes(@ForAll long seed) {
        Random random = new Random(seed);
        List<String> pieces = List.of(
                "/keys",
                "/key",
                "/",
                "/models",
                "/v1",
                ".",
                "x",
                "*",
                "%2e",
                "..",
                "?",
                ";",
                "%3b",
                "\\",
                "/keys/info");
        List<String> allowed = new ArrayList<>();
        for (int i = random.nextInt(3); i > 0; i--) {
            allowed.add(path(pieces, random));
        }
        String route = path(pieces, random).replace("*", "");
        Caller caller = new Caller(
                new VirtualKey(
                        "h",
                        null,
                        VirtualKeySpec.of("k").withAllowedRoutes(allowed),
                        NOTHING,
                        0,
                        null,
                        null,
                        null,
                        T,
                        "",
                        T,
                        ""),
                null,
                null,
                null,
                null,
                null,
                Map.of());
        boolean steps = Pattern.compile("(^|/)(\\.|%2[eE]){1,2}(/|;|%3[bB]|$)|%2[fF]|%5[cC]|\\\\")
                .matcher(route)
                .find();
        boolean expected = allowed.isEmpty()
                || allowed.contains(route)
                || !steps && allowed.stream().anyMatch(pattern -> regex(pattern, route));
        boolean passes = true;
        try {
            caller.requireRoute(route);
        } catch (RouteNotAllowedException e) {
            passes = false;
        }
        assertThat(passes).as(route + " " + allowed).isEqualTo(expected);
    }

    private static String path(List<String> pieces, Random random) {
        StringBuilder path = new StringBuilder();
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            path.append(World.one(pieces, random));
        }
        return path.toString();
    }

    /** The worlds are not so poor that some list never refuses, or so strict that nothing passes. */
    @Example
    void everyListRefusesSometimes() {
        Map<String, Integer> seen = new HashMap<>();
        for (long seed = 0; seed < 20_000; seed++) {
            seen.merge(String.valueOf(new Reference(World.of(new Random(seed))).refusal()), 1, Integer::sum);
        }
        for (ModelList list : ModelList.values()) {
            assertThat(seen.getOrDefault(list.name(), 0))
                    .as(list + " in " + seen)
                    .isGreaterThan(50);
        }
        assertThat(seen.getOrDefault("null", 0)).isGreaterThan(1_000);
    }
}
