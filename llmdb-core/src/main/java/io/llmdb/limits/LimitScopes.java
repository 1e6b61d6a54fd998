package io.llmdb.limits;

import io.llmdb.common.RateLimits;
import io.llmdb.identity.Budget;
import io.llmdb.identity.EndUser;
import io.llmdb.identity.Tag;
import io.llmdb.internal.ModelRateLimits;
import io.llmdb.keys.Caller;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which limits a request has to fit into: all that are set, so that the tightest wins. */
final class LimitScopes {

    private final LimitDirectory directory;
    private final @Nullable String defaultEndUserBudgetId;

    LimitScopes(LimitDirectory directory, @Nullable String defaultEndUserBudgetId) {
        this.directory = directory;
        this.defaultEndUserBudgetId = defaultEndUserBudgetId;
    }

    List<LimitNeed> of(Caller caller, LimitedCall call) {
        Needs needs = new Needs(call);
        RateLimits keyLimits = caller.key().spec().rateLimits();
        Budget keyBudget = caller.budget(caller.key().spec().budgetId());
        needs.add(
                Scope.KEY,
                caller.key().hash(),
                keyBudget == null
                        ? keyLimits
                        : tightest(keyLimits, keyBudget.spec().rateLimits()),
                caller.key().spec().metadata());
        if (caller.user() != null) {
            needs.add(
                    Scope.USER,
                    caller.user().id(),
                    caller.user().spec().rateLimits(),
                    caller.user().spec().metadata());
        }
        if (caller.team() != null) {
            needs.add(
                    Scope.TEAM,
                    caller.team().id(),
                    caller.team().spec().rateLimits(),
                    caller.team().spec().metadata());
        }
        if (caller.teamMembership() != null) {
            needs.addMember(
                    Scope.TEAM_MEMBER,
                    caller.teamMembership().userId(),
                    caller.teamMembership().teamId(),
                    limits(caller.budget(caller.teamMembership().spec().budgetId())));
        }
        if (caller.organization() != null) {
            needs.add(
                    Scope.ORGANIZATION,
                    caller.organization().id(),
                    limits(caller.budget(caller.organization().spec().budgetId())),
                    caller.organization().spec().metadata());
        }
        if (caller.organizationMembership() != null) {
            needs.addMember(
                    Scope.ORGANIZATION_MEMBER,
                    caller.organizationMembership().userId(),
                    caller.organizationMembership().organizationId(),
                    limits(caller.budget(caller.organizationMembership().spec().budgetId())));
        }
        if (!call.endUser().isEmpty()) {
            needs.add(Scope.END_USER, call.endUser(), endUserLimits(call.endUser()), Map.of());
        }
        if (!call.tags().isEmpty()) {
            for (String tag : call.tags().size() == 1 ? call.tags() : new LinkedHashSet<>(call.tags())) {
                needs.add(Scope.TAG, tag, tagLimits(tag), Map.of());
            }
        }
        return needs.inOrder();
    }

    private RateLimits endUserLimits(String id) {
        EndUser endUser = directory.endUser(id);
        String own = endUser == null ? null : endUser.spec().budgetId();
        String budgetId = own == null ? defaultEndUserBudgetId : own;
        return limits(budgetId == null ? null : directory.budget(budgetId));
    }

    private RateLimits tagLimits(String name) {
        Tag tag = directory.tag(name);
        String budgetId = tag == null ? null : tag.spec().budgetId();
        return limits(budgetId == null ? null : directory.budget(budgetId));
    }

    private static RateLimits limits(@Nullable Budget budget) {
        return budget == null ? RateLimits.UNLIMITED : budget.spec().rateLimits();
    }

    private static RateLimits tightest(RateLimits one, RateLimits other) {
        if (one.isUnlimited() || other.isUnlimited()) {
            return one.isUnlimited() ? other : one;
        }
        return new RateLimits(
                smaller(one.tokensPerMinute(), other.tokensPerMinute()),
                smaller(one.requestsPerMinute(), other.requestsPerMinute()),
                smaller(one.maxParallelRequests(), other.maxParallelRequests()));
    }

    private static @Nullable Long smaller(@Nullable Long one, @Nullable Long other) {
        if (one == null || other == null) {
            return one == null ? other : one;
        }
        return Math.min(one, other);
    }

    /** Those of minutes stand before those of slots: where several refuse, the one that lasts is told. */
    private static final class Needs {

        private final LimitedCall call;
        private final List<LimitNeed> perMinute = new ArrayList<>(4);
        private final List<LimitNeed> parallel = new ArrayList<>(2);

        Needs(LimitedCall call) {
            this.call = call;
        }

        /** Most have no limits, so that a counter is named only where there is one. */
        void add(Scope scope, String id, RateLimits limits, Map<String, Object> metadata) {
            if (!limits.isUnlimited()) {
                add(CounterId.of(scope, id), limits);
            }
            if (metadata.isEmpty()) {
                return;
            }
            String model = call.model();
            RateLimits ofModel = ModelRateLimits.of(metadata, model);
            if (ofModel == null && model.indexOf('/') >= 0) {
                model = model.substring(model.indexOf('/') + 1);
                ofModel = ModelRateLimits.of(metadata, model);
            }
            if (ofModel != null) {
                add(CounterId.of(scope, id).forModel(model, ""), ofModel);
            }
        }

        void addMember(Scope scope, String userId, String parentId, RateLimits limits) {
            if (!limits.isUnlimited()) {
                add(CounterId.member(scope, userId, parentId), limits);
            }
        }

        private void add(CounterId counter, RateLimits limits) {
            Long requests = limits.requestsPerMinute();
            if (requests != null) {
                perMinute.add(new LimitNeed(new LimitId(counter, LimitKind.REQUESTS), requests, 1));
            }
            Long tokens = limits.tokensPerMinute();
            if (tokens != null) {
                perMinute.add(new LimitNeed(
                        new LimitId(counter, LimitKind.TOKENS), tokens, Math.max(1, call.estimatedTokens())));
            }
            Long slots = limits.maxParallelRequests();
            if (slots != null) {
                parallel.add(new LimitNeed(new LimitId(counter, LimitKind.PARALLEL), slots, 1));
            }
        }

        List<LimitNeed> inOrder() {
            perMinute.addAll(parallel);
            return perMinute;
        }
    }
}
