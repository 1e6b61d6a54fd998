package io.llmdb.settings;

import java.util.Collection;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The known name that somebody probably meant. */
final class Nearest {

    private Nearest() {}

    /** For the end of a message: the name that was probably meant, or nothing. */
    static String suggestion(String given, Collection<String> known) {
        String nearest = find(given, known, Math.max(2, given.length() / 3));
        return nearest == null ? "" : "; did you mean " + nearest + "?";
    }

    /** The nearest of the known names that is at most so many slips away; case, dashes and underscores are no slips. */
    static @Nullable String find(String given, Collection<String> known, int mostSlips) {
        String plain = plain(given);
        String best = null;
        int fewest = mostSlips + 1;
        for (String name : known) {
            String plainName = plain(name);
            if (Math.abs(plainName.length() - plain.length()) >= fewest) {
                continue;
            }
            int slips = distance(plain, plainName);
            if (slips < fewest || (slips == fewest && best != null && name.compareTo(best) < 0)) {
                best = name;
                fewest = slips;
            }
        }
        return best;
    }

    /** A near miss that is hardly a name of somebody else's: two slips in a long name, one in a short one. */
    static @Nullable String slip(String given, Collection<String> known) {
        return find(given, known, plain(given).length() < 8 ? 1 : 2);
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replace("_", "").replace("-", "");
    }

    /** Letters inserted, left out, replaced, or swapped with their neighbour. */
    static int distance(String a, String b) {
        int[][] cost = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            cost[i][0] = i;
        }
        for (int j = 0; j <= b.length(); j++) {
            cost[0][j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            for (int j = 1; j <= b.length(); j++) {
                int replace = cost[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                cost[i][j] = Math.min(replace, 1 + Math.min(cost[i - 1][j], cost[i][j - 1]));
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    cost[i][j] = Math.min(cost[i][j], cost[i - 2][j - 2] + 1);
                }
            }
        }
        return cost[a.length()][b.length()];
    }
}
