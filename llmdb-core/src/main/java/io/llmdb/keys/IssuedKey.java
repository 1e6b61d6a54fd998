package io.llmdb.keys;

/**
 * A key in the one moment in which it can be seen: the answer of {@code create} and of {@code rotate}.
 *
 * @param rawKey the key itself, for its holder; kept nowhere
 * @param key what is kept
 */
public record IssuedKey(String rawKey, VirtualKey key) {

    /** @return all but the key itself */
    @Override
    public String toString() {
        return "IssuedKey[rawKey=" + KeyHash.masked(rawKey) + ", key=" + key + "]";
    }
}
