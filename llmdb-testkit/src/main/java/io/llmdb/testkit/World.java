package io.llmdb.testkit;

import io.llmdb.LlmDb;
import io.llmdb.Repositories;
import io.llmdb.common.BudgetTerms;
import io.llmdb.identity.OrganizationMembershipSpec;
import io.llmdb.identity.OrganizationSpec;
import io.llmdb.identity.TeamMembershipSpec;
import io.llmdb.identity.TeamRole;
import io.llmdb.identity.TeamSpec;
import io.llmdb.identity.UserSpec;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.VirtualKeySpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Organizations, teams, people and keys for a test, made through the library's own repositories in one transaction.
 *
 * <pre>{@code
 * World world = World.in(llmdb).organization("acme", BudgetTerms.of("1000", "1mo"))
 *         .team("research", BudgetTerms.of("50", "1d")).members(4).keys(2).create();
 * }</pre>
 *
 * <p>Organizations and teams have their name as id, so that assertions can say it; people are called anna, ben, and so
 * on. Immutable.
 */
public final class World {

    private final List<Holder> holders;

    private World(List<Holder> holders) {
        this.holders = List.copyOf(holders);
    }

    /**
     * Begins a world.
     *
     * @param db where it is made
     * @return the plan of it
     */
    public static Builder in(LlmDb db) {
        return new Builder(db);
    }

    /**
     * A small company: an organization with a budget, three teams of different size and budget, eleven people, some of
     * them with a budget of their own, and twenty-two keys.
     *
     * @param db where it is made
     * @return the company
     */
    public static World company(LlmDb db) {
        return in(db).organization("acme", BudgetTerms.of("1000", "1mo"))
                .team("research", BudgetTerms.of("200", "1d"))
                .members(5)
                .keys(2)
                .team("support", BudgetTerms.of("50", "1d"))
                .members(4, BudgetTerms.of("20", "1d"))
                .keys(2)
                .team("interns", BudgetTerms.of("5", "7d"))
                .members(2)
                .keys(2, BudgetTerms.of("1"))
                .create();
    }

    /** @return the first key that was made */
    public IssuedKey key() {
        return keys().get(0);
    }

    /** @return the first key itself, as its holder sends it */
    public String rawKey() {
        return key().rawKey();
    }

    /** @return all keys, in the order in which they were planned */
    public List<IssuedKey> keys() {
        return holders.stream().map(Holder::key).toList();
    }

    /**
     * The keys of a team or of a person.
     *
     * @param id the team or the user
     * @return their keys, in the order in which they were planned
     * @throws TestkitException where it has none
     */
    public List<IssuedKey> keysOf(String id) {
        List<IssuedKey> keys = holders.stream()
                .filter(holder -> holder.payer().teamId().equals(id)
                        || holder.payer().userId().equals(id))
                .map(Holder::key)
                .toList();
        if (keys.isEmpty()) {
            throw new TestkitException("\"" + id + "\" has no key in this world; teams and people with keys are "
                    + holders.stream()
                            .flatMap(holder -> List.of(
                                    holder.payer().teamId(), holder.payer().userId())
                                    .stream())
                            .filter(name -> !name.isEmpty())
                            .distinct()
                            .toList());
        }
        return keys;
    }

    /** @return the secrets that were given out, for a {@link SecretScan} */
    public List<String> rawKeys() {
        return keys().stream().map(IssuedKey::rawKey).toList();
    }

    /** @return who pays with each key */
    public List<Payer> payers() {
        return holders.stream().map(Holder::payer).toList();
    }

    /**
     * Traffic of this world's keys.
     *
     * @param seed the same one gives the same traffic, but for the keys' hashes
     * @return the generator
     */
    public SpendEvents traffic(long seed) {
        return SpendEvents.seeded(seed).paidBy(payers());
    }

    @Override
    public String toString() {
        return "World of " + payers();
    }

    private record Holder(IssuedKey key, Payer payer) {}

    private record People(int count, BudgetTerms budget, List<KeyPlan> keys) {}

    private record KeyPlan(int each, BudgetTerms budget) {}

    private record TeamPlan(
            @Nullable String organization, @Nullable String name, BudgetTerms budget, List<People> people) {}

    private record OrganizationPlan(String name, BudgetTerms budget) {}

    /** The plan of a world; each call adds to what the last one named. Not safe for use by several threads. */
    public static final class Builder {

        private static final List<String> NAMES = List.of(
                "anna", "ben", "chiara", "david", "elif", "farid", "grace", "hiro", "ines", "jonas", "kofi", "lena",
                "mateo", "nadia", "olu", "priya");

        private final LlmDb db;
        private final List<OrganizationPlan> organizations = new ArrayList<>();
        private final List<TeamPlan> teams = new ArrayList<>();
        private @Nullable People lastPeople;
        private int peopleNamed;

        private Builder(LlmDb db) {
            this.db = Objects.requireNonNull(db, "db");
        }

        /**
         * Adds an organization without limits; teams that follow belong to it.
         *
         * @param name its name and id
         * @return this
         */
        public Builder organization(String name) {
            return organization(name, BudgetTerms.UNLIMITED);
        }

        /**
         * Adds an organization; teams that follow belong to it.
         *
         * @param name its name and id
         * @param budget what it may spend
         * @return this
         */
        public Builder organization(String name, BudgetTerms budget) {
            organizations.add(new OrganizationPlan(name, budget));
            lastPeople = null;
            return this;
        }

        /**
         * Adds a team without limits.
         *
         * @param name its name and id
         * @return this
         */
        public Builder team(String name) {
            return team(name, BudgetTerms.UNLIMITED);
        }

        /**
         * Adds a team.
         *
         * @param name its name and id
         * @param budget what it may spend
         * @return this
         */
        public Builder team(String name, BudgetTerms budget) {
            teams.add(new TeamPlan(lastOrganization(), name, budget, new ArrayList<>()));
            lastPeople = null;
            return this;
        }

        /**
         * Adds people without limits to the last team; the first of them is its admin. They are members of the team's
         * organization too.
         *
         * @param count how many
         * @return this
         */
        public Builder members(int count) {
            return members(count, BudgetTerms.UNLIMITED);
        }

        /**
         * Adds people to the last team; the first of them is its admin. They are members of the team's organization
         * too.
         *
         * @param count how many
         * @param budget what each may spend within the team
         * @return this
         */
        public Builder members(int count, BudgetTerms budget) {
            TeamPlan team = teams.isEmpty() ? null : teams.get(teams.size() - 1);
            if (team == null || team.name() == null) {
                throw new TestkitException("members(" + count + "): name a team before its members");
            }
            return add(team, count, budget);
        }

        /**
         * Adds people who are in no team.
         *
         * @param count how many
         * @param budget what each may spend
         * @return this
         */
        public Builder users(int count, BudgetTerms budget) {
            TeamPlan nobodys = new TeamPlan(lastOrganization(), null, budget, new ArrayList<>());
            teams.add(nobodys);
            return add(nobodys, count, budget);
        }

        private Builder add(TeamPlan team, int count, BudgetTerms budget) {
            People people = new People(count, budget, new ArrayList<>());
            team.people().add(people);
            lastPeople = people;
            return this;
        }

        /**
         * Gives keys without limits of their own to each of the people who were added last.
         *
         * @param each how many each gets
         * @return this
         */
        public Builder keys(int each) {
            return keys(each, BudgetTerms.UNLIMITED);
        }

        /**
         * Gives keys to each of the people who were added last.
         *
         * @param each how many each gets
         * @param budget what may be spent with each key
         * @return this
         */
        public Builder keys(int each, BudgetTerms budget) {
            if (lastPeople == null) {
                throw new TestkitException("keys(" + each + "): add members or users before their keys");
            }
            lastPeople.keys().add(new KeyPlan(each, budget));
            return this;
        }

        /**
         * Makes all of it in one transaction.
         *
         * @return the world
         * @throws io.llmdb.error.AlreadyExistsException where an organization, team or person of this name exists
         */
        public World create() {
            peopleNamed = 0;
            World world = db.inTransaction(this::create);
            db.catchUp();
            return world;
        }

        private World create(Repositories repositories) {
            for (OrganizationPlan plan : organizations) {
                repositories
                        .organizations()
                        .create(OrganizationSpec.of(plan.name()).withOwnBudget(plan.budget()), plan.name());
            }
            List<Holder> holders = new ArrayList<>();
            for (TeamPlan team : teams) {
                if (team.name() != null) {
                    repositories
                            .teams()
                            .create(
                                    TeamSpec.of(team.name())
                                            .withOrganizationId(team.organization())
                                            .withBudget(team.budget()),
                                    team.name());
                }
                boolean first = true;
                for (People people : team.people()) {
                    for (int i = 0; i < people.count(); i++) {
                        holders.addAll(person(repositories, team, people, first));
                        first = false;
                    }
                }
            }
            return new World(holders);
        }

        private List<Holder> person(Repositories repositories, TeamPlan team, People people, boolean isAdmin) {
            String id = nextName();
            UserSpec user = UserSpec.of(id + "@example.com").withAlias(id).withOrganizationId(team.organization());
            repositories.users().create(team.name() == null ? user.withBudget(people.budget()) : user, id);
            if (team.organization() != null) {
                repositories
                        .organizationMemberships()
                        .add(team.organization(), id, OrganizationMembershipSpec.of("internal_user"));
            }
            if (team.name() != null) {
                TeamMembershipSpec membership = TeamMembershipSpec.of(isAdmin ? TeamRole.ADMIN : TeamRole.USER);
                boolean limited = !people.budget().equals(BudgetTerms.UNLIMITED);
                repositories
                        .teamMemberships()
                        .add(team.name(), id, limited ? membership.withOwnBudget(people.budget()) : membership);
            }
            List<Holder> holders = new ArrayList<>();
            for (KeyPlan plan : people.keys()) {
                for (int i = 0; i < plan.each(); i++) {
                    IssuedKey key = repositories
                            .keys()
                            .create(VirtualKeySpec.of(id + "-" + (holders.size() + 1))
                                    .withUserId(id)
                                    .withTeamId(team.name())
                                    .withOrganizationId(team.name() == null ? team.organization() : null)
                                    .withBudget(plan.budget()));
                    holders.add(new Holder(
                            key,
                            new Payer(
                                    key.key().hash(),
                                    id,
                                    Objects.requireNonNullElse(team.name(), ""),
                                    Objects.requireNonNullElse(team.organization(), ""))));
                }
            }
            return holders;
        }

        private @Nullable String lastOrganization() {
            return organizations.isEmpty()
                    ? null
                    : organizations.get(organizations.size() - 1).name();
        }

        private String nextName() {
            int round = peopleNamed / NAMES.size();
            String name = NAMES.get(peopleNamed++ % NAMES.size());
            return round == 0 ? name : String.format(Locale.ROOT, "%s-%d", name, round + 1);
        }
    }
}
