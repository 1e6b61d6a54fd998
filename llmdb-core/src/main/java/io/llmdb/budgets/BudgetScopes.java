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
import org.jspecify.annotations.Nullable;

/** Which budgets a request has to fit into (semantics, "Budgets: whose, and when they block"). */
final class BudgetScopes {

    private final BudgetDirectory directory;
    private final BudgetRules rules;

    BudgetScopes(BudgetDirectory directory, BudgetRules rules) {
        this.directory = directory;
        this.rules = rules;
    }

    List<Need> of(Caller caller, Call call) {
        List<Need> needs = new ArrayList<>(8);
        String model = call.model();
        String keyHash = caller.key().hash();
        BudgetTerms keyTerms = keyTerms(caller);
        add(needs, CounterId.of(Scope.KEY, keyHash), keyTerms, model);
        if (caller.user() != null && (caller.isPersonal() || rules.countUserBudgetOnTeamKeys())) {
            add(
                    needs,
                    CounterId.of(Scope.USER, caller.user().id()),
                    caller.user().spec().budget(),
                    model);
        }
        if (caller.team() != null) {
            add(
                    needs,
                    CounterId.of(Scope.TEAM, caller.team().id()),
                    caller.team().spec().budget(),
                    model);
        }
        if (caller.teamMembership() != null) {
            Budget budget = caller.budget(caller.teamMembership().spec().budgetId());
            add(
                    needs,
                    CounterId.member(
                            Scope.TEAM_MEMBER,
                            caller.teamMembership().userId(),
                            caller.teamMembership().teamId()),
                    budget == null ? BudgetTerms.UNLIMITED : budget.spec().terms(),
                    model);
        }
        if (caller.organization() != null) {
            Budget budget = caller.budget(caller.organization().spec().budgetId());
            add(
                    needs,
                    CounterId.of(Scope.ORGANIZATION, caller.organization().id()),
                    budget == null ? BudgetTerms.UNLIMITED : budget.spec().terms(),
                    model);
        }
        if (caller.organizationMembership() != null) {
            Budget budget = caller.budget(caller.organizationMembership().spec().budgetId());
            add(
                    needs,
                    CounterId.member(
                            Scope.ORGANIZATION_MEMBER,
                            caller.organizationMembership().userId(),
                            caller.organizationMembership().organizationId()),
                    budget == null ? BudgetTerms.UNLIMITED : budget.spec().terms(),
                    model);
        }
        if (!call.endUser().isEmpty()) {
            add(needs, CounterId.of(Scope.END_USER, call.endUser()), endUserTerms(call.endUser()), model);
        }
        for (String tag : call.tags()) {
            add(needs, CounterId.of(Scope.TAG, tag), tagTerms(tag), model);
        }
        BigDecimal proxyLimit = rules.proxyMaxBudget();
        if (proxyLimit != null) {
            needs.add(new Need(CounterId.of(Scope.PROXY, ""), proxyLimit));
        }
        return needs.stream().distinct().toList();
    }

    /** The counters among them that are not counted for every request anyway. */
    static List<CounterId> further(List<Need> needs) {
        return needs.stream()
                .map(Need::counter)
                .filter(counter ->
                        !counter.model().isEmpty() || !counter.duration().isEmpty())
                .toList();
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
        return own.modelLimits().isEmpty() ? terms : terms.withModelLimits(own.modelLimits());
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
        Budget budget = budgetId == null ? null : directory.budget(budgetId);
        return budget == null ? BudgetTerms.UNLIMITED : budget.spec().terms();
    }

    private static void add(List<Need> needs, CounterId counter, BudgetTerms terms, String model) {
        if (terms.maxBudget() != null) {
            needs.add(new Need(counter, null));
        }
        for (BudgetLimit limit : terms.furtherLimits()) {
            needs.add(new Need(counter.forWindow(text(limit.duration())), limit.maxBudget()));
        }
        Map<String, BudgetLimit> models = terms.modelLimits();
        if (!models.isEmpty()) {
            String name = models.containsKey(model) ? model : model.substring(model.indexOf('/') + 1);
            BudgetLimit limit = models.get(name);
            if (limit != null) {
                needs.add(new Need(counter.forModel(name, text(limit.duration())), limit.maxBudget()));
            }
        }
    }

    private static String text(@Nullable BudgetDuration duration) {
        return duration == null ? "" : duration.toString();
    }
}
