"""Words that tell the name of a person from what a machine wrote, and from a title.

In: nothing. Out: sets of words as they are compared (small letters, no accents). Knows no file.
"""

from __future__ import annotations


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Never part of a name: what devices and programs write.
MACHINE = _listed(
    """
    adobe afbeelding affinity asset avif bild bilder bildschirmaufnahme bildschirmfoto bmp
    camscanner canoscan canva captura capture checkpoint cimg comfy comfyui compressed converted
    crop cropped dall dalle dcim deviantart dji doc document dokument download downloaded
    downloads dsc dscf dsci dscn ecran edited epson exif export exported facebook fb filename
    firefly flux foto fotografie fotos generated generation gif gopr gopro hdr heic hpim http
    https imag image imagem imagen images img img2img imgp imgur immagine inshot instagram jpeg
    jpg kimg lightroom maxresdefault messenger mg midjourney mmexport mov mp mvimg namenlos
    noname numerisation output outputs pano panorama pantalla pexels photo photos photoshop pic
    pics picsart pict picture pinterest png portrait_mode preview procreate psd pxl raw_img
    received reddit resize resized retouched rotated scaled scan scanned scanner scans scansione
    schermafbeelding schermata screen screencapture screenshot screenshots sdim sdxl signal
    skarmavbild snapchat snapseed stable_diffusion telegram thumb thumbnail tif tiff tumblr
    twitter txt2img unbenannt unbetitelt unnamed unsplash untitled upscale upscaled url viber
    vid video watermark webp wechat whatsapp wp www
    """
)
# Words that people put beside a name, or in its place; not names when they stand alone.
MARKS = _listed(
    """
    album alle am android anonymous app apr art arts artwork at aug back batch big blur burst bw
    cam camera canvas cloud cmyk color colour com copia copie copy cover data dataset de dec
    default detail details divers done draft drawing drawings edit effects epoch feb fig figure
    file files final finished folder frame front full gallery grayscale grid group hd high hq id
    index ios item jan jul jun kopie kunst large las layer lens lora low mar may medium misc
    mobile mode net neu new no nouveau nov nr num number object oct of ohne om org orig original
    other others out page painting paintings part phone plate pm print raw recto res result
    results rgb sample samples sans seed senza sep set shot sin size small sonstige step steps
    subset sw temp test testing tests titel title titled titolo titre titulo tmp train training
    uhd uhr um unknown untitled val valid validation various ver version verso wa web wip work
    works zonder
    """
)
# What draws pictures from words; the rest of such a name is a prompt.
PROGRAMS = _listed(
    """
    comfyui dalle diffusion firefly flux img2img lora midjourney screenshot sdxl txt2img
    """
)
# What pictures show, and how they are made; of these words alone a title is made, not a name.
THINGS = _listed(
    """
    abend abendrot abstract acquerello acrylic acuarela akt albero alley alte animal animals
    apple apples april aquarel aquarell aquarelle arbre august automne autumn autunno baby barca
    barco barock baroque bateau baum baume bay beach beautiful bildnis bird birds black blau
    blick bloemen blossom blue blume blumen boat boats boom boot bosque bottle bouquet boy bread
    bridge bright brown bull calle calm candle casa cat chair chat cheval child children church
    ciel cielo city cliff cliffs cloud clouds coast collage composition concert cottage coucher
    couple cow dance dancer dancers dark dawn day dead december deco dog dogs donna door dorf
    dream dusk early eau eglise enfant engraving estate etching ete ets evening eye face fall
    family farm february female femme fenster fields figure fille fiore fiori fire fish fiume
    fleur fleurs flores flower flowers fluss fog forest foret fountain frau fresco fruhling
    fruit garden garten gebirge gelb girl girls glass golden gothic gouache grabado grapes grass
    gravure gray green grey grun hafen hand hands harbor harbour harvest haus haven hemel herbst
    herfst hills himmel hiver holzschnitt home homme horse horses house houses huis hut
    incisione ink interior inverno invierno island jahr january jardin july june junge kerk kind
    kinder kirche kiss kitchen komposition kuss lady lake lamp landscape landschaft landschap
    large late leaves lente licht life light lighthouse lilies linocut lithograph little lonely
    lumiere luna lune maan madchen madonna maison male man mann map mar marche mare market
    masterpiece me meadow meer meisje men mer misty model mond montagna montagne moon moonlight
    morgen morning mort morta morte mosaic mother mountain mountains muerta mujer my nacht
    natura naturaleza nature natuur neige neve night noche notte nude nuit ocean oil old olive
    orange orchard otono paesaggio paisaje pastel pastels path paysage peasant people pine pink
    plage plain playa pluie pont poppies port porto portrait portret primavera printemps puerto
    purple radierung rain red reflection regen renaissance retrato ritratto river rivier riviere
    road rock rocks rococo rokoko roof rooftops room roses rosso rot rouge rue ruin ruins sad
    sail schiff schnee sea seascape seated see selbst selbstbildnis self september shadow
    shadows ship ships shore silence sketch sky sleeping smile snow soldier sole soleil sommer
    sonne sonnenuntergang spiaggia spring square stadt standing star starry stars still
    stilleben stilleven stillleben storm straat strada strand strasse stream street studio study
    summer sun sunflowers sunny sunrise sunset swan table tag tanz tempera temple three tower
    town train tramonto tree trees tulips two ukiyo uomo vague valley vase veduta verano vie
    view village ville vineyard violet vista vogel vrouw vue wald walk wall wasser water
    watercolor watercolour watercolours waterfall wave waves weg white wiese wild wind window
    winter wolken woman women woodcut woods yard year yellow zee zelfportret zomer zon
    """
)
# In six languages: they stand in titles and prompts.
NEVER_IN_NAMES = _listed(
    """
    are at auf aus avec before behind bei between bij by chez con dans for from fur her his i'm
    im in ins into is it met mit naar near nel nella ohne on over par per pour sans sobre sul
    sulla sur that their this through uber under unter voor was with without you your
    """
)
# A title may begin so; 'El', 'La' and 'Le' begin names as well.
ARTICLES = _listed(
    """
    an das dem der die een ein eine einer gli het i il las les lo los my un una une uno unos
    """
)
# 'The Boyle Family' is a name, 'The Kiss' is not.
BODIES = _listed(
    """
    academy association atelier brothers collective company duo family foundation group guild
    institute museum press school sisters society studio studios twins union workshop
    """
)
