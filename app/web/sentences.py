"""English that is made where no language is known (by core and the services) and reaches a page.

Each as it is written there, with names for what is filled in: a page finds by it the same sentence
in its own language. Collected into the catalogues as every other sentence is.
"""

from __future__ import annotations


def marked(sentence: str) -> str:
    """The sentence itself; whoever collects the catalogues finds it by this."""
    return sentence


def marked_count(one: str, many: str) -> tuple[str, str]:
    """Both forms of what is counted, for whoever collects the catalogues."""
    return one, many


SENTENCES: tuple[str, ...] = (
    # how far a picture may be trusted (core.attribution.calibration)
    marked("This model has learnt images like this."),
    marked("This model may have learnt images like this: take the names below as hints."),
    marked("This model has not learnt images like this: the names below say little."),
    marked(
        "This model has not learnt images like this: nothing of it is owed to the collection, "
        "and nobody is credited. The names below say little."
    ),
    marked(
        "This model has not learnt images like this: nothing of it is owed to the collection. What "
        "is credited is shared equally among its artists. The names below say little."
    ),
    # a picture painted without an artist (app.services.artist_ablation)
    marked(
        "Without %(artist)s the model knows this picture less well: its error on it is %(rise)s "
        "%% higher."
    ),
    marked(
        "Without %(artist)s the model knows this picture about as well as before (%(rise)s %% "
        "error)."
    ),
    marked(
        "On their own works the error changed by %(own)s %%, on everybody else's by %(others)s %%."
    ),
    marked(
        "Painted again from the same seed, the picture differs by %(moved)s %% (0 %%: the same "
        "picture; 100 %%: as far as a blank one)."
    ),
    marked("Only a painted run can be painted again without an artist."),
    marked("This run was painted by another model than the one that is open."),
    marked("There is no such artist in this collection."),
    marked("The artist '%(artist)s' has no works here that could be left out."),
    marked("Painting without them"),
    marked("Making the model forget them"),
    # what is under way
    marked("Painting"),
    marked("Reading the works"),
    marked("Looking at pictures"),
    marked("Importing pictures"),
    # jobs (app.services.jobs, app.services.job_files)
    marked(
        "The studio is being stopped. What was promised is kept and goes on when it is started "
        "again, at this same address."
    ),
    marked(
        "The studio was stopped twice while this was under way, so it is not tried again. Nothing "
        "was recorded; start it once more if you like."
    ),
    marked(
        "The studio was restarted before this picture was traced, and the picture is no longer "
        "here. Nothing was recorded; bring it again."
    ),
    marked("Cancelled; nothing was recorded."),
    marked("You have several pictures under way already. Wait until one is finished."),
    marked("Several pictures from your network are under way already. Wait until one is finished."),
    marked("Too many pictures are waiting here just now. Try again in a few minutes."),
    marked(
        "The job cannot be kept, so it was not begun (%(cause)s). Try again when there is room."
    ),
    # runs (app.services.runs, core.ledger.deletion)
    marked("The seed %(seed)s is outside 0 to %(most)s."),
    marked("%(steps)s steps cannot be painted: choose between 1 and %(most)s."),
    marked("A guidance of %(guidance)s is outside 0 to %(most)s."),
    marked(
        "The method '%(method)s' is not at hand for this collection. Choose one of: %(methods)s."
    ),
    marked("There is no such run; it may have been deleted."),
    marked("This run was not painted: a picture was brought. Bring it again."),
    marked(
        "This run was painted from the collection '%(collection)s', which is not the one that "
        "is open. Start the studio with that collection."
    ),
    marked("The picture of this run is no longer kept."),
    marked("There is no such run; it may have been deleted already."),
    marked(
        "Run #%(run)s is booked (entry #%(entry)s), and what is booked is kept for ever. An "
        "entry can be reversed, but neither it nor its run can be deleted."
    ),
    marked("The example belongs to its collection and comes with it; it is not deleted."),
    # what nobody foresaw (app.services.errors), and refusals at the gate
    marked("The memory of this machine ran out. Try fewer steps, or close other programs."),
    marked(
        "Something went wrong that was not foreseen; nothing was half-recorded. Try again; if "
        "it happens again, report it with the reference %(reference)s."
    ),
    marked("The picture is no longer here. Choose it again."),
    # what an account is needed for (app.web.callers)
    marked("%(what)s needs a keeper's account. Sign in at the top of the page."),
    marked("%(what)s needs a curator's account. Sign in at the top of the page."),
    marked(
        "%(what)s is open to the studio's keeper alone. Open the studio at the address with "
        "a key that it printed when it started, or use the command line there."
    ),
    marked("%(what)s is switched off in the browser. Use the command line of the studio."),
    marked("Recording credit for an upload"),
    marked("Asking what if an artist had not been there"),
    marked("Deciding about names"),
    marked("Importing, which reads folders of the studio's machine,"),
    marked("Deleting a run"),
    marked("Disputing a credit"),
    marked("Reversing an entry, or deciding a dispute,"),
    marked("Keeping a wish to be left out"),
    marked("Exporting the whole ledger"),
    marked("visitor"),
    marked("curator"),
    marked("keeper"),
    # filters of the ledger and the history (app.services.ledger_filter)
    marked("There is no verdict '%(verdict)s'. Choose one of: %(verdicts)s."),
    marked("Search for at most %(letters)s letters of a file's name."),
    marked("Several artists are called '%(name)s'. Use one of the ids: %(ids)s."),
    marked("The ledger knows no artist '%(name)s'. Did you mean %(names)s?"),
    marked("The ledger knows no artist '%(name)s'."),
    marked("The ledger knows no class '%(name)s'. Choose one of: %(styles)s."),
    marked("The ledger knows no class '%(name)s'. No run is recorded yet."),
    marked("There is no kind of run '%(kind)s'. Choose one of: %(kinds)s."),
    marked("'%(month)s' is not a month. Write it as YYYY-MM."),
    marked("There is no day '%(day)s'. Write it as YYYY-MM-DD."),
    # disputes (core.ledger.disputes, app.services.disputes)
    marked("%(what)s needs its reason; it is kept for ever."),
    marked("%(what)s may say at most %(letters)s letters. Say it shorter."),
    marked("A dispute"),
    marked("A comment"),
    marked("A resolution"),
    marked("A reversal"),
    marked("Entry %(entry)s is no credit. Dispute the entry that it is about."),
    marked("Entry %(entry)s is reversed already, by entry %(reversal)s."),
    marked("Entry %(entry)s is already reversed, by entry %(reversal)s."),
    marked(
        "Entry %(entry)s is itself a reversal, which is final: that picture is not credited again. "
        "Where a credit is only in doubt, dispute its entry: a dispute can give it back."
    ),
    marked("Entry %(entry)s is disputed. Resolve dispute %(dispute)s first."),
    marked(
        "Dispute %(dispute)s about entry %(entry)s is open. Comment on it, or wait until it is "
        "resolved."
    ),
    marked("Entry %(entry)s credits nobody, so there is nothing to dispute."),
    marked("Entry %(entry)s does not credit '%(artist)s'. Name whom it credits."),
    marked("Dispute %(dispute)s is resolved. Open another where there is something new."),
    marked("There is no such dispute. `ledger disputes` lists them."),
    marked("There is no entry '%(entry)s'. `ledger entries` lists them."),
    marked("That run credits nobody, so there is nothing to dispute."),
    marked("The disputed credit is that of '%(artist)s'. Reject the dispute to give it back."),
    marked(
        "'%(artist)s' has opted out and gets nothing new. Leave it in escrow, or opt them in first."
    ),
    marked("'%(artist)s' is nobody in particular. Name the artist, or leave it empty."),
    marked("withheld"),
    # the summary of training content (app.services.training_summary)
    marked("named otherwise"),
    marked("others"),
    # the ledger
    marked("it is damaged: it holds what was never written there"),
    marked("Another run is recorded as '%(run)s'. Trace the picture again."),
    marked(
        "The ledger '%(ledger)s' was replaced or moved while this program had it open. Nothing "
        "was booked. Put the file back, or start the program again to go on with the one that "
        "is there now."
    ),
    # pictures that are not taken (core.collection.images)
    marked("Opening the picture was cancelled. Choose it again to open it."),
    marked("The file could not be read. Check that you may open it, then choose it again."),
    marked("There is no such file. Check its name and choose it again."),
    marked(
        "The file is larger than %(size)s MiB. Reduce the picture or save it as JPEG, then "
        "choose it again."
    ),
    marked(
        "The picture is too small or too narrow (%(width)s x %(height)s pixels); each side "
        "needs at least %(least)s. Choose a larger one."
    ),
    marked(
        "The picture is too narrow (%(width)s x %(height)s pixels): one side may be at most "
        "%(most)s times the other. Crop it and try again."
    ),
    marked(
        "The picture has too many pixels; at most %(most)s million are taken. Reduce it and "
        "choose it again."
    ),
    marked(
        "The picture has too many pixels (%(size)s); at most %(most)s million are taken. Reduce "
        "it and choose it again."
    ),
    marked(
        "The picture's colours are of a kind (%(kind)s) that is not supported. Export it as PNG "
        "or JPEG and choose it again."
    ),
    marked(
        "The %(kind)s has far more %(parts)s than any picture needs. Export it again and try that."
    ),
    marked("The file is empty: it holds no bytes. Copy or export the picture again."),
    marked(
        "The file is %(what)s, which is not accepted here. Export it as %(kinds)s and choose it "
        "again."
    ),
    marked(
        "The file is a HEIC photograph, which is not supported. Export it as JPEG and choose it "
        "again."
    ),
    marked(
        "The file is a video or sound file, not a picture. Export it as %(kinds)s and choose it "
        "again."
    ),
    marked(
        "The file is an SVG drawing, which is not supported. Export it as %(kinds)s and choose "
        "it again."
    ),
    marked(
        "The file is not a recognised image: it is a web page, perhaps an error page saved in "
        "the picture's place. Download the picture again."
    ),
    marked(
        "The file is not a recognised image, or its beginning is damaged. Export it as "
        "%(kinds)s and choose it again."
    ),
    marked("There is not enough memory to open the picture. Reduce it and try again."),
    marked(
        "Opening the picture took more than %(seconds)s seconds, so it was stopped. Reduce it "
        "or export it again, then try that."
    ),
    marked(
        "The process that opened the picture ended before it was done: the file is damaged or "
        "needs too much memory. Export it again or reduce it, then try that."
    ),
    marked("The picture is very small (%(width)s x %(height)s pixels)."),
    marked("The file holds several %(parts)s; the first one is used."),
    marked("Its colour profile was converted to sRGB."),
    marked("Its printing colours (CMYK) were converted to screen colours."),
    marked("The picture is wholly transparent: it shows plain white."),
    marked("Its transparent parts were laid on white."),
    # importing (app.services.importing, core.collection.importing)
    marked(
        "Importing reads folders of the studio's machine, so it is open to its keeper alone. "
        "Open the studio at the address with a key that it printed when it started, or run "
        "there: python -m app import FOLDER --to DIR"
    ),
    marked("Write where the pictures are: the whole path of a folder, a table or an archive."),
    marked("'%(path)s' is only part of a path. Write the whole path, from its root."),
    marked("There is no '%(source)s' to import. Check the path."),
    marked("The folder '%(source)s' is empty. Put pictures into it first."),
    marked("There are no pictures in it to import."),
    marked(
        "The file lies in no style's folder. Move it into one, or say the style of all with "
        "--map 'style=\"TEXT\"'."
    ),
    marked("The row names no style, so it has no class. Fill in its style cell."),
    marked(
        "There is no such file among the pictures. Correct the file cell, or say with "
        "--pictures where they are."
    ),
    marked("The row has more cells than the header. Quote cells with commas."),
    marked("The file is a web address; nothing is downloaded. Save it first."),
    marked("Another import is filling '%(collection)s'. Wait until it has ended."),
    # questions about names (core.collection.artists)
    marked("Who is meant by '%(name)s'?"),
    marked("'%(name)s' is credited as one person."),
    marked("Are '%(first)s' and '%(second)s' one person?"),
    marked("Rows of the last import that wait for this: %(number)s."),
    marked("Yes, that is %(name)s: never learn from it"),
    marked("No, somebody else"),
    marked("One maker: %(name)s"),
    marked("%(number)s makers: %(names)s"),
    marked("Nobody in particular"),
    marked("One person: %(name)s"),
    marked("Two persons"),
    marked("1 work"),
    marked("%(number)s works"),
    marked("%(name)s: nothing more is known; 1 work"),
    marked("%(name)s: nothing more is known; %(number)s works"),
    marked("%(facts)s; 1 work"),
    marked("%(facts)s; %(number)s works"),
    # methods (core.attribution.methods), noise, and the checks of a report
    marked("Gradient dot product"),
    marked("Gradient cosine"),
    marked("CLIP, cosine"),
    marked("CLIP, dot product"),
    marked("D-TRAK, interpolated (η = 0.8)"),
    marked("D-TRAK, timesteps normalised"),
    marked("D-TRAK, L_Avg, timesteps normalised"),
    marked("TRAK, timesteps normalised"),
    marked("D-TRAK, ensemble"),
    marked("TRAK, ensemble"),
    marked("DAS (ranks only)"),
    marked("L_Avg, squared (ranks only)"),
    marked("Datamodel, LASSO"),
    marked("Datamodel, ridge"),
    marked("EK-FAC influence"),
    marked("Empirical influence"),
    marked("Relative influence"),
    marked("Renormalised influence"),
    marked("Journey TRAK (x0 noised again)"),
    marked("Journey TRAK (x_t on the path)"),
    marked("Raw pixels (latents), cosine"),
    marked("Raw pixels (latents), dot product"),
    marked("Raw pixels (latents), exp(−d²/4)"),
    marked("C x a gradient method"),
    marked("K backward passes per work and per query, a timestep each"),
    marked("S trainings"),
    marked("S x D-TRAK and S trainings"),
    marked("S x TRAK and S trainings"),
    marked("none but encoding"),
    marked("one backward pass per step of the path"),
    marked("one backward pass per work and per query (K timesteps in the batch)"),
    marked(
        "one backward pass per work and per query (K timesteps in the batch), and before them 1 "
        "+ K passes per work to fit F"
    ),
    marked("one forward pass of CLIP"),
    marked("Kronecker factors of all works' gradients, which `evaluate` fits and nothing keeps"),
    marked("S models retrained on random halves"),
    marked("a CLIP vision model"),
    marked("features `%(name)s`: objective %(objective)s, normalised"),
    marked("features of objective average, and each work's residual"),
    marked("features of objective %(objective)s at C checkpoints"),
    marked("features of objective %(objective)s of S retrained models"),
    marked("features of objective %(objective)s"),
    marked("latents of the works; no model"),
    marked("the query's seed and prompt"),
    marked("independent"),
    marked("cycle"),
    marked("Self-retrieval"),
    marked("Style precision@10, itself aside"),
    marked("Artist top-1, itself aside"),
    marked("Artist top-3, itself aside"),
    marked("Style precision@10"),
    marked("Artist top-1"),
    marked("Artist top-3"),
    # formulas with words in them; the more particular first
    marked(
        "φ(x)ᵀ (ΦᵀΦ + λI)⁻¹ φₙ, φ = Pᵀ mean over t of %(gradient)s: every timestep counts alike"
    ),
    marked("%(product)s per Linear layer, diag(Λ) of other parameters, δ = 0.1 mean(Λ) of each"),
    marked("mean over checkpoints c of %(product)s"),
    marked(
        "φ(x)ᵀ (ΦᵀΦ + λI)⁻¹ φₙ, φ(x) = mean over the sampling path of Pᵀ∇L_Simple at its own x_t"
    ),
    marked(
        "φ(x)ᵀ (ΦᵀΦ + λI)⁻¹ φₙ, φ(x) = mean over the sampling path of Pᵀ∇L_Simple at noised x0_t"
    ),
    marked("mean over S models of %(product)s"),
    marked("%(product)s: DAS without residual and leverage; never negative: it names no opponents"),
    marked("%(product)s; never negative: it names no opponents"),
    marked("%(product)s, z the latents"),
    marked("exp(−(d(x, n)² − min d²)/4), d the distance of the latents, min over the works"),
    marked("%(product)s, c CLIP's image embedding"),
    marked("mean loss of x over models trained without n, minus over those trained with n"),
    marked("minus the coefficient of n in the ridge regression of the loss of x on who was in"),
    marked("minus the coefficient of n in the LASSO regression of the loss of x on who was in"),
    # an evidence pack (app.services.pack_verification, core.provenance.pack, core.ledger.inclusion)
    marked("Valid: nothing was changed since the key that you gave signed it."),
    marked(
        "Valid, not trusted: nothing was changed since it was signed, but nobody vouches for the "
        "signer, and anybody can sign so with a key of their own."
    ),
    marked("Not valid: this is not what was signed. What does not fit stands below."),
    marked(
        "Every file is as it was when the key %(key)s signed the pack, on %(day)s as the studio "
        "says."
    ),
    marked(
        "Entry %(entry)s stood in the ledger of which the same studio signed checkpoint "
        "%(checkpoint)s, on %(day)s."
    ),
    marked("The run is the one that the entry credits: its record gives the hash in the entry."),
    marked(
        "The shares follow from the numbers in the pack by the rule %(rule)s: they were computed "
        "again."
    ),
    marked("The picture is the one that the run painted, pixel by pixel."),
    marked(
        "The picture itself is signed (C2PA) by '%(signer)s': valid, not trusted, for no list that "
        "programs trust names the signer."
    ),
    marked(
        "Who the signer is: the key lies in the pack itself. Compare its fingerprint with one that "
        "the studio gave you by another way."
    ),
    marked(
        "What null.json says of other pictures: the studio measured it, and no ledger fixes it."
    ),
    marked("When it was signed: every date is the studio's own word, with no timestamp of others."),
    marked(
        "Whether the entry still stands: it may have been reversed since, which only the ledger "
        "says."
    ),
    marked(
        "Whether the numbers are right: influence is an estimate on one model, and only whoever "
        "has the model can measure it again. Credits are neither money nor a licence."
    ),
    marked("That anybody was credited: nothing was booked for this picture."),
    marked(
        "That this run was credited: its picture had been credited before, by the entry of another "
        "run."
    ),
    marked(
        "What %(count)s artists without a share had: their numbers are fixed by a hash, and the "
        "studio must show them when somebody asks."
    ),
    marked(
        "What the picture's own signature (C2PA) says: it was not read, because the extra "
        "'provenance' is not installed here."
    ),
    marked("Where the picture alone comes from: it carries no signature of its own (C2PA)."),
    marked(
        "Whether the picture's own signature (C2PA) was made in time: the certificate of "
        "'%(signer)s' has ended since, and no timestamp of others says when it signed."
    ),
    marked(
        "That the entry is in the ledger: a name in it is withheld, so its proof is not given to "
        "everybody. The studio has it."
    ),
    marked("it is missing"),
    marked("it is damaged"),
    marked("it was changed: its hash is not that of the MANIFEST"),
    marked("it was changed: the signature does not fit"),
    marked("it was added: the MANIFEST does not name it"),
    marked("a line of it is damaged"),
    marked("it was changed or damaged: it cannot be unpacked"),
    marked("it was changed or damaged: it has another length"),
    marked("it is packed in a way that evidence packs are not"),
    marked("it is signed by a key that is not in the pack"),
    marked("it does not prove the entry of the pack"),
    marked("its checkpoint is signed by a key (%(key)s) that was not given"),
    marked("its checkpoint was altered: the signature does not fit"),
    marked("the entry was altered: its contents do not give its hash"),
    marked("the entry is not in the ledger that the checkpoint is of"),
    marked("it is not the run that the entry credits"),
    marked("its shares are not those that the entry books"),
    marked("it is not the entry that is proved"),
    marked("its credit is not the run's"),
    marked("its works are not the run's"),
    marked("it is not the run's rule"),
    marked("it is not the rule that is proved"),
    marked("its shares do not follow from its numbers by the rule"),
    marked("it cannot be opened as a picture"),
    marked("it is not the picture that the run painted"),
    marked("its own signature (C2PA) does not hold"),
    marked("its own signature (C2PA) speaks of another run or other shares"),
    marked("Ask whoever gave it to you for the pack again."),
    marked("The pack is larger than %(most)s MB, which no evidence pack is."),
    marked("The pack's list of files is damaged."),
    marked("This is not an evidence pack: it is not a ZIP file."),
    marked("The pack is cut off: its end is missing."),
    marked("The pack is cut off, or something was added at its end."),
    marked("The pack is a part of several, or its list is damaged."),
    marked("The pack lists more than %(most)s files, which no evidence pack does."),
    marked("The pack names a file that would lie outside it, or by no plain name."),
    marked("Nothing was unpacked."),
    marked("The pack holds '%(file)s' twice."),
    marked("'%(file)s' in the pack is a link or a device, not a file."),
    marked("'%(file)s' in the pack is encrypted."),
    marked("Evidence is open to everybody."),
    marked("The files of the pack would take more than %(most)s MB, which no evidence does."),
    marked(
        "This ZIP has no MANIFEST: it is not an evidence pack, or one from before they were signed."
    ),
    marked("Download it from the run's page again."),
    marked(
        "The pack could not be verified: reading it took too long, or ended the process that read "
        "it. It is damaged or made to do harm. Ask whoever gave it to you for it again."
    ),
    # the embedded collection
    marked(
        "Six hundred paintings by twenty-four procedural painters: small programs, each with a "
        "hand of its own, named after pigments. No person painted them; because every painter "
        "is a program, the truth about who shaped what can be checked."
    ),
)
# styles that collections are often divided by; others keep the name that they were given
STYLES: tuple[str, ...] = (
    marked("art nouveau"),
    marked("color field"),
    marked("cubism"),
    marked("pointillism"),
    marked("suprematism"),
    marked("ukiyo-e"),
    marked("impressionism"),
    marked("post-impressionism"),
    marked("expressionism"),
    marked("abstract expressionism"),
    marked("realism"),
    marked("surrealism"),
    marked("romanticism"),
    marked("baroque"),
    marked("rococo"),
    marked("renaissance"),
    marked("symbolism"),
    marked("fauvism"),
    marked("futurism"),
    marked("minimalism"),
    marked("pop art"),
    marked("landscape"),
    marked("portrait"),
    marked("still life"),
    marked("photograph"),
    marked("drawing"),
    marked("print"),
)
