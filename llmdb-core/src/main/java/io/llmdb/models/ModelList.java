package io.llmdb.models;

/** The lists of models that a call must pass, in their order. */
public enum ModelList {
    /** {@code models} of the virtual key. */
    KEY("virtual key"),
    /** {@code allowed_models} of the budget row that the key links. */
    KEY_BUDGET("budget of the virtual key"),
    /** {@code models} of the key's team. */
    TEAM("team"),
    /** {@code allowed_models} of the budget row of the user's membership in the team. */
    TEAM_MEMBER("team member"),
    /** {@code models} of the user; asked on personal keys only. */
    USER("user"),
    /** {@code models} of the organization. */
    ORGANIZATION("organization"),
    /** {@code allowed_models} of the budget row of the organization. */
    ORGANIZATION_BUDGET("budget of the organization"),
    /** {@code allowed_models} of the budget row of the user's membership in the organization. */
    ORGANIZATION_MEMBER("organization member"),
    /** No list: every stored model of this name is blocked. */
    STORED_MODELS("stored models");

    private final String words;

    ModelList(String words) {
        this.words = words;
    }

    /** @return the words for people */
    public String words() {
        return words;
    }
}
