package io.llmdb.budgets;

import io.llmdb.budgets.LeaseDesk.Need;
import io.llmdb.common.BudgetDuration;
import io.llmdb.common.BudgetLimit;
import io.llmdb.common.BudgetTerms;
import io.llmdb.identity.Budget;
import io.llmdb.identity.EndUser;
import io.llmdb.identity.Tag;
import io.llmdb.keys.Caller;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Which budgets a request has to fit into. */
final class BudgetScopes {

    private final BudgetDirectory directory;
    private final BudgetRules rules;

    BudgetScopes(BudgetDirectory directory, BudgetRules rules) {
        this.directory = directory;
        this.rules = rules;
    }

    /**
     * What applies to a request.
     *
     * @param needs the budgets that it has to fit into
     * @param further the counters among them that are not counted for every request anyway
     * @param watched the counters that may pass a mark that raises an event
     */
    record Applying(List<Need> needs, List<CounterId> further, List<Need> watched) {

        private static Applying of(List<Need> needs, List<Need> softOnly) {
            List<CounterId> further = new ArrayList<>(0);
            for (Need need : needs) {
                CounterId counter = need.counter();
                if (!counter.model().isEmpty() || !counter.duration().isEmpty()) {
                    further.add(counter);
                }
            }
            List<Need> watched = needs;
            if (!softOnly.isEmpty()) {
                watched = new ArrayList<>(needs);
                watched.addAll(softOnly);
            }
            return new Applying(needs, further, watched);
        }
    }

    /**
     * All that applies.
     *
     * @throws io.llmdb.error.DatabaseUnavailableException where an end user or a tag has to be looked up and cannot be
     */
    Applying of(Caller caller, Call call) {
        Collecting collecting = new Collecting(call.model());
        ofCaller(caller, collecting::collect);
        if (!call.endUser().isEmpty()) {
            collecting.collect(CounterId.of(Scope.END_USER, call.endUser()), endUserTerms(call.endUser()));
        }
        for (String tag : call.tags()) {
            collecting.collect(CounterId.of(Scope.TAG, tag), tagTerms(tag));
        }
        addProxy(collecting.needs, collecting.softOnly);
        return Applying.of(collecting.needs, collecting.softOnly);
    }

    /** What applies as far as the caller tells, without looking up end users and tags. */
    Applying ofCallerAlone(Caller caller, Call call) {
        Collecting collecting = new Collecting(call.model());
        ofCaller(caller, collecting::collect);
        addProxy(collecting.needs, collecting.softOnly);
        return Applying.of(collecting.needs, collecting.softOnly);
    }

    /** All budgets that requests of a caller may have to fit into, of all models. */
    List<Need> all(Caller caller) {
        List<Need> needs = new ArrayList<>();
        ofCaller(caller, (counter, terms) -> {
            addMain(needs, needs, counter, terms);
            terms.modelLimits()
                    .forEach((model, limit) ->
                            add(needs, counter.forModel(model, text(limit.duration())), limit.maxBudget()));
        });
        addProxy(needs, needs);
        return List.copyOf(needs);
    }

    private void addProxy(List<Need> needs, List<Need> softOnly) {
        BigDecimal limit = rules.proxyMaxBudget();
        if (limit != null) {
            add(needs, CounterId.of(Scope.PROXY, ""), limit);
        } else if (rules.proxySoftBudget() != null) {
            add(softOnly, CounterId.of(Scope.PROXY, ""), null);
        }
    }

    private void ofCaller(Caller caller, BiConsumer<CounterId, BudgetTerms> to) {
        to.accept(CounterId.of(Scope.KEY, caller.key().hash()), keyTerms(caller));
        if (caller.user() != null && (caller.isPersonal() || rules.countUserBudgetOnTeamKeys())) {
            to.accept(
                    CounterId.of(Scope.USER, caller.user().id()),
                    caller.user().spec().budget());
        }
        if (caller.team() != null) {
            to.accept(
                    CounterId.of(Scope.TEAM, caller.team().id()),
                    caller.team().spec().budget());
        }
        if (caller.teamMembership() != null) {
            to.accept(
                    CounterId.member(
                            Scope.TEAM_MEMBER,
                            caller.teamMembership().userId(),
                            caller.teamMembership().teamId()),
                    terms(caller.budget(caller.teamMembership().spec().budgetId())));
        }
        if (caller.organization() != null) {
            to.accept(
                    CounterId.of(Scope.ORGANIZATION, caller.organization().id()),
                    terms(caller.budget(caller.organization().spec().budgetId())));
        }
        if (caller.organizationMembership() != null) {
            to.accept(
                    CounterId.member(
                            Scope.ORGANIZATION_MEMBER,
                            caller.organizationMembership().userId(),
                            caller.organizationMembership().organizationId()),
                    terms(caller.budget(caller.organizationMembership().spec().budgetId())));
        }
    }

    static @Nullable String organizationOf(Caller caller) {
        if (caller.key().spec().organizationId() != null) {
            return caller.key().spec().organizationId();
        }
        return caller.organization() == null ? null : caller.organization().id();
    }

    /** A key's own maximum goes before the budget row that it links. */
    private static BudgetTerms keyTerms(Caller caller) {
        BudgetTerms own = caller.key().spec().budget();
        Budget linked = caller.budget(caller.key().spec().budgetId());
        if (linked == null || own.maxBudget() != null) {
            return own;
        }
        BudgetTerms terms = linked.spec().terms();
        if (!own.modelLimits().isEmpty()) {
            terms = terms.withModelLimits(own.modelLimits());
        }
        if (!own.furtherLimits().isEmpty()) {
            terms = terms.withFurtherLimits(own.furtherLimits());
        }
        return own.softBudget() == null ? terms : terms.withSoftBudget(own.softBudget());
    }

    private BudgetTerms endUserTerms(String id) {
        EndUser endUser = directory.endUser(id);
        String budgetId = endUser == null ? null : endUser.spec().budgetId();
        return terms(budgetId == null ? rules.defaultEndUserBudgetId() : budgetId);
    }

    private BudgetTerms tagTerms(String name) {
        Tag tag = directory.tag(name);
        return terms(tag == null ? null : tag.spec().budgetId());
    }

    private BudgetTerms terms(@Nullable String budgetId) {
        return terms(budgetId == null ? null : directory.budget(budgetId));
    }

    private static BudgetTerms terms(@Nullable Budget budget) {
        return budget == null ? BudgetTerms.UNLIMITED : budget.spec().terms();
    }

    private static void addMain(List<Need> needs, List<Need> softOnly, CounterId counter, BudgetTerms terms) {
        if (terms.maxBudget() != null) {
            add(needs, counter, null);
        } else if (terms.softBudget() != null) {
            add(softOnly, counter, null);
        }
        for (BudgetLimit limit : terms.furtherLimits()) {
            add(needs, counter.forWindow(text(limit.duration())), limit.maxBudget());
        }
    }

    /** Each counter once, though a tag be named twice. There are few, so looking through them is the quickest. */
    private static void add(List<Need> to, CounterId counter, @Nullable BigDecimal limit) {
        Need need = new Need(counter, limit);
        if (!to.contains(need)) {
            to.add(need);
        }
    }

    private static String text(@Nullable BudgetDuration duration) {
        return duration == null ? "" : duration.toString();
    }

    private static final class Collecting {
        private final String model;
        private final List<Need> needs = new ArrayList<>(8);
        private final List<Need> softOnly = new ArrayList<>(0);

        private Collecting(String model) {
            this.model = model;
        }

        private void collect(CounterId counter, BudgetTerms terms) {
            addMain(needs, softOnly, counter, terms);
            Map<String, BudgetLimit> models = terms.modelLimits();
            if (!models.isEmpty()) {
                String name = models.containsKey(model) ? model : model.substring(model.indexOf('/') + 1);
                BudgetLimit limit = models.get(name);
                if (limit != null) {
                    add(needs, counter.forModel(name, text(limit.duration())), limit.maxBudget());
                }
            }
        }
    }
}
