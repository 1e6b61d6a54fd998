package io.llmdb.models;

import io.llmdb.identity.Budget;
import io.llmdb.identity.Team;
import io.llmdb.internal.Wildcard;
import io.llmdb.keys.Caller;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Which models a caller may call.
 *
 * <p>An alias of the key, otherwise one of its team, says which model is meant; what it leads to is no alias again. The
 * model must then pass every list that there is, in the order of {@link ModelList}. A list that is empty lets all pass,
 * and so does one that holds {@code *} or {@code all-proxy-models}. Otherwise the model must match an entry: itself, a
 * pattern in which {@code *} alone is special, or a pattern that its provider and its name together match, so that
 * {@code openai/*} lets a bare name pass whose stored model has that provider. On a key {@code all-team-models} stands
 * for whatever its team's list lets pass; on a key without team for nothing. On a user {@code no-default-models} lets
 * nothing pass, whatever else the list holds. These two words are ordinary names in other lists.
 *
 * <p>Safe for use by several threads.
 */
public final class ModelAccess {

    /** Lets all pass. */
    public static final String ALL_PROXY_MODELS = "all-proxy-models";

    /** On a key: what its team may call. */
    public static final String ALL_TEAM_MODELS = "all-team-models";

    /** On a user: nothing on personal keys. */
    public static final String NO_DEFAULT_MODELS = "no-default-models";

    private final ModelNames names;

    /** @param names what is known of models by name */
    public ModelAccess(ModelNames names) {
        this.names = Objects.requireNonNull(names, "names");
    }

    /**
     * Tells which model is meant, if the caller may call it.
     *
     * @param caller who calls
     * @param model the model as sent
     * @return the model that is meant
     * @throws ModelNotAllowedException where a list refuses it
     */
    public String resolve(Caller caller, String model) {
        String meant = meant(caller, model);
        Optional<Refusal> refusal = refusal(caller, meant);
        if (refusal.isPresent()) {
            throw refusal.get().exception(model, meant);
        }
        return meant;
    }

    /**
     * @param caller who calls
     * @param model the model as sent
     * @return whether the caller may call it
     */
    public boolean allows(Caller caller, String model) {
        return refusal(caller, meant(caller, model)).isEmpty();
    }

    /**
     * Those of some models that the caller may call, as a list of models shows them.
     *
     * @param caller who calls
     * @param models names of models
     * @return those that may be called, in their order
     */
    public List<String> allowed(Caller caller, Collection<String> models) {
        return models.stream().filter(model -> allows(caller, model)).toList();
    }

    private static String meant(Caller caller, String model) {
        String ofKey = caller.key().spec().aliases().get(model);
        if (ofKey != null) {
            return ofKey;
        }
        Team team = caller.team();
        return team == null ? model : team.spec().modelAliases().getOrDefault(model, model);
    }

    private Optional<Refusal> refusal(Caller caller, String model) {
        List<String> ofKey = caller.key().spec().models();
        Team team = caller.team();
        if (names.isBlocked(model)) {
            return Optional.of(new Refusal(ModelList.STORED_MODELS, model, List.of()));
        }
        if (!letsPass(ofKey, model)
                && !(ofKey.contains(ALL_TEAM_MODELS)
                        && team != null
                        && letsPass(team.spec().models(), model))) {
            return Optional.of(new Refusal(ModelList.KEY, caller.key().hash(), ofKey));
        }
        Optional<Refusal> refusal = ofBudget(
                caller,
                caller.key().spec().budgetId(),
                ModelList.KEY_BUDGET,
                caller.key().hash(),
                model);
        if (refusal.isEmpty() && team != null) {
            refusal = of(ModelList.TEAM, team.id(), team.spec().models(), model);
        }
        if (refusal.isEmpty() && caller.teamMembership() != null) {
            refusal = ofBudget(
                    caller,
                    caller.teamMembership().spec().budgetId(),
                    ModelList.TEAM_MEMBER,
                    caller.teamMembership().userId(),
                    model);
        }
        if (refusal.isEmpty() && caller.user() != null && caller.isPersonal()) {
            List<String> ofUser = caller.user().spec().models();
            refusal = ofUser.contains(NO_DEFAULT_MODELS)
                    ? Optional.of(new Refusal(ModelList.USER, caller.user().id(), ofUser))
                    : of(ModelList.USER, caller.user().id(), ofUser, model);
        }
        return refusal.isPresent() ? refusal : ofOrganization(caller, model);
    }

    private Optional<Refusal> ofOrganization(Caller caller, String model) {
        Optional<Refusal> refusal = Optional.empty();
        if (caller.organization() != null) {
            String id = caller.organization().id();
            refusal =
                    of(ModelList.ORGANIZATION, id, caller.organization().spec().models(), model);
            if (refusal.isEmpty()) {
                refusal = ofBudget(
                        caller, caller.organization().spec().budgetId(), ModelList.ORGANIZATION_BUDGET, id, model);
            }
        }
        if (refusal.isEmpty() && caller.organizationMembership() != null) {
            refusal = ofBudget(
                    caller,
                    caller.organizationMembership().spec().budgetId(),
                    ModelList.ORGANIZATION_MEMBER,
                    caller.organizationMembership().userId(),
                    model);
        }
        return refusal;
    }

    private Optional<Refusal> ofBudget(
            Caller caller, @Nullable String budgetId, ModelList list, String ownerId, String model) {
        Budget budget = caller.budget(budgetId);
        return budget == null
                ? Optional.empty()
                : of(list, ownerId, budget.spec().allowedModels(), model);
    }

    private Optional<Refusal> of(ModelList list, String ownerId, List<String> allowed, String model) {
        return letsPass(allowed, model) ? Optional.empty() : Optional.of(new Refusal(list, ownerId, allowed));
    }

    private boolean letsPass(List<String> allowed, String model) {
        if (allowed.isEmpty() || allowed.contains(model)) {
            return true;
        }
        for (String entry : allowed) {
            if (entry.equals(ALL_PROXY_MODELS) || entry.indexOf('*') >= 0 && matches(entry, model)) {
                return true;
            }
        }
        return false;
    }

    private boolean matches(String pattern, String model) {
        if (Wildcard.matches(pattern, model)) {
            return true;
        }
        for (String provider : names.providersOf(model)) {
            if (Wildcard.matches(pattern, provider + "/" + model)) {
                return true;
            }
        }
        return false;
    }

    private record Refusal(ModelList list, String ownerId, List<String> allowed) {

        ModelNotAllowedException exception(String sent, String meant) {
            String model =
                    "The model \"" + meant + "\"" + (meant.equals(sent) ? "" : " (\"" + sent + "\" is an alias of it)");
            String message = list == ModelList.STORED_MODELS
                    ? model + " is blocked"
                    : model + " is not allowed for the " + list.words() + " \"" + ownerId + "\", which may call "
                            + allowed;
            return new ModelNotAllowedException(message, meant, list, ownerId, allowed);
        }
    }
}
