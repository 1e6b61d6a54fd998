package io.llmdb.identity;

/** What became of a request for models. */
public enum ModelAccessStatus {
    /** Nobody has decided yet. */
    PENDING("pending"),
    /** The user has the models. */
    APPROVED("approved"),
    /** The user does not get them. */
    DISAPPROVED("disapproved");

    private final String word;

    ModelAccessStatus(String word) {
        this.word = word;
    }

    /** @return the word in the database */
    public String word() {
        return word;
    }

    static ModelAccessStatus of(String word) {
        for (ModelAccessStatus status : values()) {
            if (status.word.equals(word)) {
                return status;
            }
        }
        throw new IllegalArgumentException(word);
    }
}
