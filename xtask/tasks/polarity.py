"""Makes assets/tasks/polarity.tsv from the lexicon of vaderSentiment 3.3.2 (MIT, C.J. Hutto): lower-case words whose mean rating is clearly
on one side. Run: python3 xtask/tasks/polarity.py vader_lexicon.txt > assets/tasks/polarity.tsv"""

import re
import sys

# Words a classroom can do without.
LEFT_OUT = re.compile(".*(shit|fuck)|(rap(e|is|ing)|fag|nig+[aeu]|cunt|fuck|shit|bitch|slut|whor|cock|dick|puss|bastard|homo|molest|dyke|twat|wank|cum(s|ming)?$|penis|arse|ass(es|hole.*)?$)")

for line in open(sys.argv[1], encoding="utf-8"):
    word, mean, deviation, _ = line.rstrip("\n").split("\t")
    # Raters agreed on the sign: the mean is more than a point from zero and more than its standard deviation.
    if re.fullmatch("[a-z]{4,12}", word) and abs(float(mean)) > max(1.0, float(deviation)) and not LEFT_OUT.match(word):
        print(f"{word}\t{'positive' if float(mean) > 0 else 'negative'}")
