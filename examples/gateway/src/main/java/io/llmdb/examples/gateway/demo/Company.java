package io.llmdb.examples.gateway.demo;

import io.llmdb.LlmDb;
import io.llmdb.Repositories;
import io.llmdb.common.Actor;
import io.llmdb.common.BudgetDuration;
import io.llmdb.common.BudgetLimit;
import io.llmdb.common.BudgetTerms;
import io.llmdb.error.AlreadyExistsException;
import io.llmdb.identity.BudgetSpec;
import io.llmdb.identity.OrganizationMembershipSpec;
import io.llmdb.identity.OrganizationSpec;
import io.llmdb.identity.TagSpec;
import io.llmdb.identity.TeamMembershipSpec;
import io.llmdb.identity.TeamRole;
import io.llmdb.identity.TeamSpec;
import io.llmdb.identity.UserSpec;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.VirtualKeySpec;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A small company in the database: an organization, three teams, six users, a key for each of its programs, and budgets
 * of every kind. All names end with a word of this run, so that runs on one database do not meet.
 */
final class Company {

    private static final List<String> TEAMS = List.of(App.RESEARCH, App.PRODUCT, App.SUPPORT);
    private static final List<String> PEOPLE = List.of("ada", "ben", "chloe", "dan", "emma", "finn");
    private static final BudgetDuration MONTH = BudgetDuration.parse("month", "1mo");

    private final String run;
    private final Map<String, IssuedKey> keys = new LinkedHashMap<>();

    private Company(String run) {
        this.run = run;
    }

    /**
     * Makes the company, in one transaction.
     *
     * @param endUserBudget the id of the budget row for end users without one of their own, as the settings name it
     */
    static Company create(LlmDb db, String run, Limits limits, String endUserBudget) {
        Company company = new Company(run);
        makeEndUserTier(db, endUserBudget, limits.customer());
        db.inTransaction(admin -> {
            company.fill(admin.as(new Actor("gateway-demo", "")), limits);
            return run;
        });
        db.catchUp();
        return company;
    }

    /** Every end user has this budget for itself, those too that nobody has heard of before. */
    private static void makeEndUserTier(LlmDb db, String id, BigDecimal limit) {
        if (!db.admin().budgets().exists(id)) {
            try {
                db.admin().budgets().create(BudgetSpec.of(BudgetTerms.UNLIMITED.withMaxBudget(limit)), id);
            } catch (AlreadyExistsException e) {
                // Another gateway on this database was faster.
            }
        }
    }

    private void fill(Repositories admin, Limits limits) {
        BudgetTerms ample = BudgetTerms.UNLIMITED.withMaxBudget(limits.ample()).withDuration(MONTH);
        String organization = id("acme");
        admin.organizations().create(OrganizationSpec.of("Acme").withOwnBudget(ample), organization);
        for (String team : TEAMS) {
            BudgetTerms terms =
                    team.equals(App.SUPPORT) ? BudgetTerms.UNLIMITED.withMaxBudget(limits.support()) : ample;
            admin.teams()
                    .create(TeamSpec.of(team).withOrganizationId(organization).withBudget(terms), id(team));
        }
        for (String person : PEOPLE) {
            admin.users()
                    .create(UserSpec.of(person + "@acme-" + run + ".example").withBudget(ample), id(person));
            admin.organizationMemberships()
                    .add(
                            organization,
                            id(person),
                            OrganizationMembershipSpec.of(null).withOwnBudget(ample));
        }
        for (App app : App.WORKING) {
            String team = app.team();
            String user = app.user();
            if (team != null && user != null && !admin.teamMemberships().exists(id(team), id(user))) {
                boolean ben = user.equals("ben");
                admin.teamMemberships()
                        .add(
                                id(team),
                                id(user),
                                TeamMembershipSpec.of(ben ? TeamRole.USER : TeamRole.ADMIN)
                                        .withOwnBudget(
                                                ben ? BudgetTerms.UNLIMITED.withMaxBudget(limits.ben()) : ample));
            }
        }
        admin.tags()
                .create(
                        TagSpec.empty().withOwnBudget(BudgetTerms.UNLIMITED.withMaxBudget(limits.nightly())),
                        id(App.NIGHTLY_TAG));
        for (List<App> apps : List.of(App.WORKING, App.ODD)) {
            for (App app : apps) {
                if (app.fate() != App.Fate.INVENTED) {
                    keys.put(app.name(), admin.keys().create(key(app, organization, ample, limits)));
                }
            }
        }
    }

    private VirtualKeySpec key(App app, String organization, BudgetTerms ample, Limits limits) {
        VirtualKeySpec key = VirtualKeySpec.of(id(app.name()))
                .withUserId(app.user() == null ? null : id(app.user()))
                .withTeamId(app.team() == null ? null : id(app.team()))
                .withOrganizationId(organization)
                .withBudget(ample);
        if (app.name().equals("playground")) {
            return key.withBudget(BudgetTerms.UNLIMITED.withMaxBudget(limits.playground()));
        } else if (app.name().equals("search")) {
            return key.withBudget(
                    ample.withModelLimits(Map.of("gpt-4o", new BudgetLimit(limits.searchLarge(), MONTH))));
        }
        return switch (app.fate()) {
            case BLOCKED -> key.withBlocked(true);
            case EXPIRED -> key.withExpires(Instant.now().minusSeconds(60));
            case RESTRICTED -> key.withModels(List.of(App.RESTRICTED_TO));
            case GOOD, INVENTED -> key;
        };
    }

    /** The word that names of this run end with. */
    String run() {
        return run;
    }

    String id(String name) {
        return name + "-" + run;
    }

    /** A name as people of the company know it. */
    String plain(String id) {
        return id.endsWith("-" + run) ? id.substring(0, id.length() - run.length() - 1) : id;
    }

    /** The raw keys by app, for the clients alone. */
    Map<String, String> rawKeys() {
        Map<String, String> raw = new LinkedHashMap<>();
        keys.forEach((app, key) -> raw.put(app, key.rawKey()));
        App.ODD.stream()
                .filter(app -> app.fate() == App.Fate.INVENTED)
                .forEach(app -> raw.put(app.name(), "sk-nobody-has-made-this-one-" + run));
        return raw;
    }

    /** The app of a key, by the key's hash. */
    Map<String, String> appsByHash() {
        Map<String, String> apps = new LinkedHashMap<>();
        keys.forEach((app, key) -> apps.put(key.key().hash(), app));
        return apps;
    }

    /** The hashes of all keys of this run. */
    List<String> hashes() {
        return new ArrayList<>(appsByHash().keySet());
    }

    @Override
    public String toString() {
        return "Acme: 1 organization, " + TEAMS.size() + " teams, " + PEOPLE.size() + " users, " + keys.size()
                + " keys; budgets on organization, teams, members, keys, one model, a tag, and each end user";
    }
}
